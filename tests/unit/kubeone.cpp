// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/paths.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::kubeone;

namespace {

std::vector<std::string> paths(const std::string& reference) {
  std::vector<std::string> result;
  for (const auto& path : target_paths(oci::Reference::parse(reference))) result.push_back(path.str());
  return result;
}

}  // namespace

TEST_CASE("the source's host is dropped, user and organisation are kept") {
  CHECK(paths("quay.io/calico/cni:v3.27.4") == std::vector<std::string>{"calico/cni:v3.27.4"});
  CHECK(paths("docker.io/alpine:3") == std::vector<std::string>{"library/alpine:3"});
  CHECK(paths("registry.k8s.io/pause:3.9") == std::vector<std::string>{"pause:3.9"});
}

TEST_CASE("CoreDNS goes where kubeadm and where containerd mirrors look") {
  CHECK(paths("registry.k8s.io/coredns/coredns:v1.11.1") ==
        std::vector<std::string>{"coredns/coredns:v1.11.1", "coredns:v1.11.1"});
  CHECK(paths("registry.k8s.io/coredns:1.7.0") == std::vector<std::string>{"coredns:1.7.0", "coredns/coredns:1.7.0"});
  CHECK(paths("docker.io/coredns/coredns:1") == std::vector<std::string>{"coredns/coredns:1"});
}

TEST_CASE("the tag is what is pushed, and a digest alone makes one") {
  const std::string digest = "sha256:" + std::string(64, 'a');
  CHECK(paths("quay.io/cilium/cilium:v1@" + digest) == std::vector<std::string>{"cilium/cilium:v1"});
  CHECK(paths("quay.io/cilium/cilium@" + digest) == std::vector<std::string>{"cilium/cilium:sha256-aaaaaaaaaaaa"});
}

TEST_CASE("registryConfiguration") {
  RegistryConfiguration configuration{ApiVersion::v1beta2, registry::Location::parse("registry.local:5000/k8s"),
                                      registry::Reach::tls_verified};
  CHECK(configuration.stanza() ==
        "# belongs at the top level of the KubeOneCluster manifest (apiVersion: kubeone.k8c.io/v1beta2)\n"
        "registryConfiguration:\n  overwriteRegistry: \"registry.local:5000/k8s\"\n");
  CHECK(configuration.warnings().empty());
  configuration.api_version = parse_api_version("v1beta3");
  configuration.reach = registry::Reach::tls_unverified;
  CHECK_THAT(configuration.stanza(), ContainsSubstring("v1beta3"));
  CHECK_THAT(configuration.stanza(), ContainsSubstring("\n  insecureRegistry: true\n"));
  CHECK(configuration.warnings().size() == 1);
  configuration.reach = registry::Reach::plain_http;
  CHECK_THAT(configuration.warnings().at(0), ContainsSubstring("does not make containerd use it"));
  CHECK_ERROR(parse_api_version("v1beta1"), usage, "unknown KubeOne API version");
}
