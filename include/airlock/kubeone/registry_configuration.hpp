// SPDX-License-Identifier: Apache-2.0
// The KubeOneCluster's registryConfiguration (KubeOne pkg/apis/kubeone/v1beta2/types.go and v1beta3/types.go,
// RegistryConfiguration; the two versions have the same fields).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "airlock/registry/types.hpp"

namespace airlock::kubeone {

/// How every stanza begins.
inline constexpr std::string_view stanza_comment = "# belongs at the top level of the KubeOneCluster manifest";

enum class ApiVersion { v1beta2, v1beta3 };
/// "v1beta2"; an Error (code `usage`) for others.
ApiVersion parse_api_version(const std::string& text);
std::string to_string(ApiVersion version);

/// What the configuration depends on.
struct RegistryConfiguration {
  ApiVersion api_version = ApiVersion::v1beta2;
  registry::Location registry;
  registry::Reach reach = registry::Reach::tls_verified;

  /// `insecureRegistry` lets containerd skip the verification of TLS.
  bool insecure() const { return reach != registry::Reach::tls_verified; }
  /// The stanza as YAML, with a comment that says where it belongs.
  std::string stanza() const;
  /// What a person must know before a cluster uses it; empty when there is nothing.
  std::vector<std::string> warnings() const;
};

}  // namespace airlock::kubeone
