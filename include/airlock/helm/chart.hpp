// SPDX-License-Identifier: Apache-2.0
// A Helm chart, read from its archive or folder (helm.sh/docs/topics/charts): untrusted, in bounded memory, unpacked
// nowhere.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/json.hpp"

namespace airlock::helm {

struct Chart {  // NOLINT(bugprone-exception-escape): of the library's JSON, whose moves do not throw
  std::string name;
  std::string version;
  std::string app_version;
  Json metadata;                              ///< Chart.yaml
  std::map<std::string, std::string> files;   ///< text files by path below the chart, without those of its dependencies
  std::map<std::string, Chart> dependencies;  ///< below charts/, by folder
};

/// Reads an archive (.tgz). An Error (code `format`) for what is none, for an archive without Chart.yaml, for paths
/// that leave it, and for one that unpacks to more than 128 MiB or 20,000 files.
Chart read_chart(std::string_view archive, const std::string& where);

/// The same for a folder.
Chart read_chart_folder(const std::filesystem::path& folder);

}  // namespace airlock::helm
