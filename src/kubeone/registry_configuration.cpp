// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/registry_configuration.hpp"

#include <yaml-cpp/yaml.h>

#include "airlock/base/error.hpp"

namespace airlock::kubeone {

ApiVersion parse_api_version(const std::string& text) {
  if (text == "v1beta2") return ApiVersion::v1beta2;
  if (text == "v1beta3") return ApiVersion::v1beta3;
  throw Error(ErrorCode::usage, "unknown KubeOne API version \"" + text + "\"").hint("use v1beta2 or v1beta3");
}

std::string to_string(ApiVersion version) { return version == ApiVersion::v1beta2 ? "v1beta2" : "v1beta3"; }

std::string RegistryConfiguration::stanza() const {
  YAML::Emitter yaml;
  yaml << YAML::BeginMap << YAML::Key << "registryConfiguration" << YAML::Value << YAML::BeginMap;
  yaml << YAML::Key << "overwriteRegistry" << YAML::Value << YAML::DoubleQuoted << registry.str();
  if (insecure()) yaml << YAML::Key << "insecureRegistry" << YAML::Value << true;
  yaml << YAML::EndMap << YAML::EndMap;
  return std::string(stanza_comment) + " (apiVersion: kubeone.k8c.io/" + to_string(api_version) + ")\n" + yaml.c_str() +
         "\n";
}

std::vector<std::string> RegistryConfiguration::warnings() const {
  switch (reach) {
    case registry::Reach::tls_verified: return {};
    case registry::Reach::tls_unverified:
      return {"the TLS certificate of " + registry.host +
              " was not verified; with insecureRegistry the cluster's nodes will not verify it either. "
              "A certificate that the nodes trust is better: see --cacert"};
    case registry::Reach::plain_http:
      return {registry.host +
              " speaks plain HTTP, and insecureRegistry does not make containerd use it: it only skips the "
              "verification of TLS. Give the registry a TLS certificate, or configure a containerd mirror with an "
              "http:// endpoint on every node"};
  }
  return {};
}

}  // namespace airlock::kubeone
