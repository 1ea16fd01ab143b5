// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/paths.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::kubeone;

namespace {

std::vector<std::string> paths(const std::string& reference) {
  std::vector<std::string> result;
  for (const auto& path : target_paths(oci::Reference::parse(reference), {})) result.push_back(path.str());
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

TEST_CASE("registryConfiguration is what the release can use") {
  const auto catalog = kubeone::Catalog::built_in();
  const auto made = [&](const char* release, const char* location, oci::Reach reach) {
    return RegistryConfiguration{ApiVersion::v1beta2, oci::Location::parse(location), reach,
                                 consumer_of(catalog, *catalog.find_release(release))};
  };
  using oci::Reach;
  const auto verified = made("1.8", "registry.local:5000/k8s", Reach::tls_verified);
  CHECK(
      verified.stanza() ==
      "# belongs at the top level of the KubeOneCluster manifest (apiVersion: kubeone.k8c.io/v1beta2, KubeOne v1.8.6)\n"
      "registryConfiguration:\n  overwriteRegistry: \"registry.local:5000/k8s\"\n  insecureRegistry: false\n");
  CHECK(verified.warnings().empty());
  struct Cell {
    const char* release;
    const char* location;
    Reach reach;
    bool insecure;
    const char* warning;  // null: none
  };
  for (const Cell& cell : {
           Cell{"1.12", "r:5000", Reach::tls_unverified, false, "means plain HTTP, not unverified TLS"},
           Cell{"1.12", "r:5000/k", Reach::tls_unverified, false, "has no effect in any KubeOne release"},
           Cell{"1.12", "r:5000", Reach::plain_http, true, nullptr},
           Cell{"1.12", "r:5000/k", Reach::plain_http, false, "a registry without a prefix, or --mirrors"},
           Cell{"1.13", "r:5000", Reach::tls_unverified, true, "will not verify it either"},
           Cell{"1.13", "r:5000/k", Reach::tls_unverified, false, "a registry without a prefix, or --mirrors"},
           Cell{"1.13", "r:5000", Reach::plain_http, false, "means unverified TLS, not plain HTTP"},
           Cell{"1.13", "r:5000/k", Reach::plain_http, false, "prefix (/k)"},
       }) {
    INFO(cell.release << " " << cell.location << " " << oci::to_string(cell.reach));
    const auto configuration = made(cell.release, cell.location, cell.reach);
    CHECK(configuration.insecure() == cell.insecure);
    CHECK(configuration.warnings().size() == (cell.warning == nullptr ? 0 : 1));
    if (cell.warning != nullptr) CHECK_THAT(configuration.warnings().at(0), ContainsSubstring(cell.warning));
  }
  auto third = made("1.14", "r", Reach::tls_verified);
  third.api_version = parse_api_version("v1beta3");
  CHECK_THAT(third.warnings().at(0), ContainsSubstring("does not load manifests of kubeone.k8c.io/v1beta3"));
  CHECK(full_name(parse_api_version("v1beta1")) == "kubeone.io/v1beta1");
  CHECK_ERROR(parse_api_version("v1"), usage, "unknown KubeOne API version");
}
