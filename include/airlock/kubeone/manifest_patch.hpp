// SPDX-License-Identifier: Apache-2.0
// Writes registryConfiguration into an existing KubeOneCluster manifest, as text: comments, order, quoting, indentation
// and line ends of everything else are kept.
#pragma once

#include <string>
#include <string_view>

namespace airlock::kubeone {

struct PatchValues {
  std::string overwrite_registry;
  bool insecure_registry = false;
};

/// The text with registryConfiguration as wanted. An existing one keeps its place and comments; a new one goes after a
/// commented-out one, else to the end of its document. The result is parsed and compared: an Error (code `selection`)
/// where the manifest is written in a way that cannot be patched without changing more; `file` names it.
std::string patch_manifest(std::string_view text, const PatchValues& values, const std::string& file);

/// Where the manifest has containerRuntime.containerd.registries, "FILE: line 7"; empty where it has none.
std::string containerd_registries(std::string_view text, const std::string& file);

}  // namespace airlock::kubeone
