// SPDX-License-Identifier: Apache-2.0
// Writes registryConfiguration into an existing KubeOneCluster manifest, as text: comments, order, quoting, indentation
// and line ends of everything else are kept.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace airlock::kubeone {

/// Where KubeOne finds a chart inside.
struct ChartPatch {
  std::string pointer;       ///< of the release in the manifest (HelmRelease::pointer)
  std::string chart_url;     ///< oci://…; it takes the place of repoURL
  std::string name;          ///< of the release, which a chartURL needs (validation.go, validateHelmReleases)
  bool insecure = false;     ///< the registry is reached without verified TLS
  std::string version = {};  ///< in the place of the release's, where the registry has it under another; else empty
};

struct PatchValues {
  std::string overwrite_registry;  ///< empty: registryConfiguration is left as it is, and only charts are written
  bool insecure_registry = false;
  std::vector<ChartPatch> charts = {};
};

/// The text with registryConfiguration, and addresses of charts, as wanted. An existing one keeps its place and
/// comments; a new one goes after a commented-out one, else to the end of its document. The result is parsed and
/// compared: an Error (code `selection`) where the manifest is written in a way that cannot be patched without changing
/// more; `file` names it.
std::string patch_manifest(std::string_view text, const PatchValues& values, const std::string& file);

/// Where the manifest has containerRuntime.containerd.registries, "FILE: line 7"; empty where it has none.
std::string containerd_registries(std::string_view text, const std::string& file);

}  // namespace airlock::kubeone
