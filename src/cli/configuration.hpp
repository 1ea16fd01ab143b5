// SPDX-License-Identifier: Apache-2.0
// The configuration files that import and config write for the clusters.
#pragma once

#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/flow/naming.hpp"
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
  /// The stanza: registryConfiguration, or its alternative, with --mirrors and where only that can express the names.
  std::string stanza(const kubeone::RegistryConfiguration& configuration, const kubeone::MirrorConfiguration& mirror,
                     const kubeone::NameMapping& mapping) const;
  /// Refuses (code `usage`) to write overwriteRegistry where a mapping puts names elsewhere.
  void check_naming(const kubeone::NameMapping& mapping, bool with_bundle) const;
  /// Refuses (code `selection`) a manifest whose releases cannot be given their charts' addresses inside.
  void check_charts(const kubeone::RegistryConfiguration& configuration, const bundle::Metadata& bundle,
                    const flow::Naming& naming) const;
  /// Writes the requested files, and reports each.
  /// `bundle`: whose charts the manifests to patch may name; null where there is none.
  void write(const kubeone::RegistryConfiguration& configuration, const kubeone::MirrorConfiguration& mirror,
             const flow::Naming& naming, const bundle::Metadata* bundle, Reporter& reporter) const;
};

/// Applies the mapping to the mirrors, and says what no configuration can express.
std::vector<std::string> naming_warnings(const kubeone::NameMapping& mapping, kubeone::MirrorConfiguration& mirror);

}  // namespace airlock::cli
