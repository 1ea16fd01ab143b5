// SPDX-License-Identifier: Apache-2.0
// The alternative to overwriteRegistry: nodes ask the local registry in place of each source registry. It also reaches
// images that an addon or a user's manifest names literally.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "airlock/kubeone/name_mapping.hpp"
#include "airlock/kubeone/registry_configuration.hpp"

namespace airlock::kubeone {

/// The inputs of a mirror configuration.
struct MirrorConfiguration {
  oci::Location registry;
  oci::Reach reach = oci::Reach::tls_verified;
  bool credentials = false;          ///< the registry required a login
  std::vector<std::string> sources;  ///< source registries, sorted
  Consumer consumer;
  /// Where names of a source have their own path below the registry (NameMapping::prefix_of()); others have none.
  std::map<std::string, std::string> below = {};

  /// Of sources with several paths: by what their names begin with upstream. Only registries_conf() can express them.
  std::map<std::string, std::string> by_prefix = {};

  /// Takes over where a mapping puts names. Returns the sources whose names no mirror finds; they are sources no more.
  std::vector<std::string> apply(const NameMapping& mapping);

  /// The path of a source's names: of the registry's prefix and its own. May be empty.
  std::string path(const std::string& source) const;
  /// The mirror's URL as containerd expects it: with a path, `/v2/PATH` and override_path.
  std::string url(const std::string& source) const;
  /// KubeOneCluster: containerRuntime.containerd.registries (KubeOne v1beta2/types.go, ContainerdRegistry), as the
  /// release needs it.
  std::string stanza(ApiVersion version) const;
  /// hosts.toml by source registry (containerd docs/hosts.md), for /etc/containerd/certs.d/SOURCE/. The mirror is
  /// its only server, so containerd does not fall back to the internet.
  std::map<std::string, std::string> hosts_toml() const;
  /// For CRI-O and Podman (containers-registries.conf(5)).
  std::string registries_conf() const;
};

}  // namespace airlock::kubeone
