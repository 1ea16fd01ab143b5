// SPDX-License-Identifier: Apache-2.0
// A chart rendered by Helm itself, where it is there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace airlock::helm {

struct RenderRequest {
  std::filesystem::path chart;  ///< archive or folder
  std::string release;
  std::string ns;                             ///< may be empty
  std::vector<std::filesystem::path> values;  ///< later ones count
  std::string kubernetes_version;             ///< may be empty
};

/// What `helm template` makes of it; Helm contacts no cluster. Nothing where there is no `helm` on the PATH. An Error
/// (code `selection`) where it fails; what it says goes to standard error.
std::optional<std::string> render(const RenderRequest& request);

}  // namespace airlock::helm
