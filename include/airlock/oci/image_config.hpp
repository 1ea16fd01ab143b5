// SPDX-License-Identifier: Apache-2.0
// The parts of an image's config that determine what a node runs (OCI image-spec v1.1, config.md).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/oci/platform.hpp"

namespace airlock::oci {

/// As much as skopeo and containers/image read (iolimits.MaxConfigBodySize, 4 MiB), with a margin.
inline constexpr std::size_t max_config_size = 16U << 20;

struct ImageConfig {
  std::optional<Platform> platform;  ///< of its fields os and architecture; nothing where they are missing or malformed
  std::vector<std::string> diff_ids;  ///< as written; empty where there are none

  /// Bytes of one of media_type::is_image_config(). An Error (code `format`) if they are not such JSON, or if
  /// other programs could read them differently (spelling.hpp). `where` names it.
  static ImageConfig parse(std::string_view text, std::string_view where);
};

}  // namespace airlock::oci
