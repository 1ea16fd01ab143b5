// SPDX-License-Identifier: Apache-2.0
// The rules of a KubeOne release as data, by API version: the answers of its own code to tools/kubeone_probe.py.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "airlock/kubeone/version.hpp"

namespace airlock::kubeone {

/// Providers that are external by default (KubeOne pkg/apis/kubeone/*/defaults.go, SetDefaults_CloudProvider).
struct ExternalDefault {
  std::optional<Minor> from;  ///< this Kubernetes minor; none: all that the release supports
  std::set<std::string> except;
};

/// When operating-system-manager is deployed by default (SetDefaults_OperatingSystemManager).
enum class DefaultManager { always, never, with_machine_controller };

/// What insecureRegistry means in containerd's configuration (pkg/containerruntime).
enum class InsecureRegistry { plain_http, skip_verify };

/// The form in which a manifest's registries are written for containerd (pkg/containerruntime).
enum class MirrorForm { cri_registry, hosts_toml };

/// The rules for manifests of one API version.
struct Rules {
  std::optional<ExternalDefault> external_by_default;
  /// Providers whose CSI drivers need an external cloud provider (pkg/addons/ensure.go, ensureCSIAddons): before this
  /// Kubernetes minor, or always.
  std::map<std::string, std::optional<Minor>> csi_needs_external;
  bool machine_controller_without_provider = false;  ///< whether it is the default with provider none, too
  DefaultManager operating_system_manager = DefaultManager::with_machine_controller;
  std::set<std::string> default_addons;  ///< of metrics-server and nodelocaldns
  /// KubeOne allows this API version, but refuses each manifest of it until `kubeone config migrate` made it the other
  /// one, whose rules these are; empty: it loads.
  std::string migrate_to;
  bool path_needs_addons = false;               ///< addons.path counts only beside a declared addon or a Helm chart
  std::string default_addons_path;              ///< where addons.path is missing
  bool obeys_addons_enable = false;             ///< addons.enable; else addons are deployed when there are any
  std::set<std::string> declaring_deploys_not;  ///< declaring these only passes parameters (embeddedAddons)
  std::set<std::string> directory_deploys_not;  ///< directories in addons.path that only replace an addon
  std::map<std::string, std::vector<std::string>> cni;  ///< to its addons
  std::vector<std::string> local_redirect_policy;       ///< addons of Cilium's enableLocalRedirectPolicy
  InsecureRegistry insecure_registry = InsecureRegistry::skip_verify;
  bool registries_together = false;  ///< registryConfiguration and containerd's registries (validation.go)
  MirrorForm mirrors = MirrorForm::hosts_toml;
};

}  // namespace airlock::kubeone
