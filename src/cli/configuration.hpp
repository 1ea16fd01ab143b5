// SPDX-License-Identifier: Apache-2.0
// The configuration files that import and config write for the clusters.
#pragma once

#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/kubeone/mirrors.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

struct ConfigurationOptions {
  std::string emit;
  std::string api_version = "v1beta2";
  std::string kubeone;  ///< the release it is for; empty: the bundle's, the manifest's, or the newest
  std::vector<std::filesystem::path> patch;
  bool any_version = false;
  bool mirrors = false;
  std::string hosts_toml;
  std::string registries_conf;

  void add_to(CLI::App& verb, bool with_bundle);
  /// The release that it is for: `--kubeone`, else the bundle's, else what the manifests to patch allow, else the
  /// newest. Reports a guess as a note.
  kubeone::Consumer consumer(const std::string& bundle_release, Reporter& reporter) const;
  /// Checks before any work that all of it can be written.
  void check(const registry::Location& target) const;
  /// Refuses (code `selection`) to patch a manifest that the release would then refuse.
  void check_manifests(const kubeone::Consumer& consumer) const;
  /// Refuses (code `selection`) to patch a manifest of another Kubernetes version than these.
  void check_versions(const std::vector<std::string>& versions) const;
  /// The stanza: registryConfiguration, or with --mirrors its alternative.
  std::string stanza(const kubeone::RegistryConfiguration& configuration,
                     const kubeone::MirrorConfiguration& mirror) const;
  /// Writes the requested files, and reports each.
  void write(const kubeone::RegistryConfiguration& configuration, const kubeone::MirrorConfiguration& mirror,
             Reporter& reporter) const;
};

}  // namespace airlock::cli
