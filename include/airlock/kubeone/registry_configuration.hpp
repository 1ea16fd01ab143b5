// SPDX-License-Identifier: Apache-2.0
// The KubeOneCluster's registryConfiguration (KubeOne pkg/apis/kubeone/*/types.go, RegistryConfiguration), and how a
// KubeOne release interprets it (pkg/containerruntime).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/kubeone/catalog.hpp"
#include "airlock/oci/location.hpp"

namespace airlock::kubeone {

/// How every stanza begins.
inline constexpr std::string_view stanza_comment = "# belongs at the top level of the KubeOneCluster manifest";

enum class ApiVersion { v1beta1, v1beta2, v1beta3 };
/// "v1beta2"; an Error (code `usage`) for others.
ApiVersion parse_api_version(const std::string& text);
std::string to_string(ApiVersion version);
/// With its group: "kubeone.io/v1beta1", "kubeone.k8c.io/v1beta2".
std::string full_name(ApiVersion version);

/// The properties of a KubeOne release that a configuration depends on.
struct Consumer {
  std::string release;  ///< "v1.14.2"
  std::set<std::string> api_versions;
  InsecureRegistry insecure_registry = InsecureRegistry::skip_verify;
  MirrorForm mirrors = MirrorForm::hosts_toml;
  bool registries_together = true;
  bool override_path = true;  ///< whether its manifests know the field
};

/// An Error (code `selection`) where the catalog has no rules for the release.
Consumer consumer_of(const Catalog& catalog, const Release& release);

/// What the configuration depends on.
struct RegistryConfiguration {
  ApiVersion api_version = ApiVersion::v1beta2;
  oci::Location registry;
  oci::Reach reach = oci::Reach::tls_verified;
  Consumer consumer;

  /// `insecureRegistry`: set only if it lets this release reach a registry of this kind.
  bool insecure() const;
  /// The stanza as YAML, with a comment that says where it goes.
  std::string stanza() const;
  /// Warnings to read before a cluster uses it; may be empty.
  std::vector<std::string> warnings() const;
};

}  // namespace airlock::kubeone
