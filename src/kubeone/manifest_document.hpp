// SPDX-License-Identifier: Apache-2.0
// Finding and reading the YAML documents of manifests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/yaml.hpp"

namespace airlock::kubeone {

inline constexpr std::size_t max_manifest = 4U << 20;

/// All documents of a manifest's text. An Error (code `selection`) with the file and the line for invalid YAML.
std::vector<YamlDocument> manifest_documents(std::string_view text, const std::string& file);

/// Whether its kind is KubeOneCluster.
bool is_cluster(const Json& document);

/// The member of a mapping; null where there is none.
const Json& child(const Json& node, std::string_view key);

/// The KubeOneCluster's line of a key, "FILE: line 7".
std::string place(const std::string& file, const YamlDocument& document, const std::string& pointer);

}  // namespace airlock::kubeone
