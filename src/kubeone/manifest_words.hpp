// SPDX-License-Identifier: Apache-2.0
// The words of manifests that tell what is an image.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "airlock/base/yaml.hpp"

namespace airlock::kubeone {

/// Lists and mappings whose `image` a node runs: pods (k8s.io/api/core/v1, PodSpec), Tekton's steps, Argo's scripts.
inline constexpr std::array container_keys{"containers", "initContainers", "ephemeralContainers", "container", "steps",
                                           "sidecars",   "script",         "stepTemplate"};
/// What a process gets: a full reference in it is there to be pulled (operators start other images).
inline constexpr std::array process_keys{"args", "command", "env", "extraArgs", "extraEnv"};
/// Text for people and machines about something else.
inline constexpr std::array text_keys{"annotations", "labels", "description"};

template <typename Keys>
bool is_one_of(std::string_view key, const Keys& keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Below a key that speaks of an image, these say which; others say how it is pulled.
inline constexpr std::array naming_keys{"name", "ref", "reference", "repo", "repository", "url", "uri", "value"};
/// Values of switches and policies, which are references by the grammar.
inline constexpr std::array switch_words{"true", "false", "yes",     "no",     "on",    "off",   "none",
                                         "null", "auto",  "default", "always", "never", "latest"};
/// Options whose values look like references: `--label=app.kubernetes.io/name:v1`.
inline constexpr std::array label_words{"label", "annotation", "taint", "selector"};

/// A word that may be an image of Docker Hub.
bool is_bare_word(std::string_view text);

/// A service of a cluster is no registry that images are exported from.
bool is_cluster_service(std::string_view reference);

bool has_capital(std::string_view reference);

/// Texts between spaces, commas, quotes and brackets; parts of the text.
std::vector<std::string_view> words_of(std::string_view text);

/// Values of a chart may name one registry for all of its images.
bool names_registry_for_all(const YamlNode& node, int depth = 0);

}  // namespace airlock::kubeone
