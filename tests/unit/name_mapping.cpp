// SPDX-License-Identifier: Apache-2.0
// Names inside by rules.
#include "airlock/kubeone/name_mapping.hpp"

#include "airlock/base/error.hpp"
#include "airlock/kubeone/paths.hpp"
#include "catch.hpp"

using namespace airlock;
using kubeone::NameMapping;

namespace {

std::string mapped(const std::vector<std::string>& rules, const std::string& reference) {
  std::string names;
  for (const auto& path : kubeone::target_paths(oci::Reference::parse(reference), NameMapping::parse(rules)))
    names += (names.empty() ? "" : " ") + path.str();
  return names;
}

std::string prefix(const std::vector<std::string>& rules, const std::string& host) {
  return NameMapping::parse(rules).prefix_of(oci::Registry::parse(host)).value_or("nothing");
}

}  // namespace

TEST_CASE("another name of Docker Hub is no rule without effect") {
  CHECK_ERROR(NameMapping::parse(std::vector<std::string>{"index.docker.io=hub"}), usage,
              "references call this registry docker.io");
}

TEST_CASE("names by rules") {
  CHECK(mapped({}, "nginx:1") == "library/nginx:1");
  CHECK(mapped({"keep-host"}, "nginx:1") == "docker.io/library/nginx:1");
  CHECK(mapped({"keep-host"}, "127.0.0.1:5000/a/b:1") == "127.0.0.1-5000/a/b:1");
  CHECK(mapped({"flatten:2"}, "quay.io/a/b/c/d:1") == "a/b-c-d:1");
  CHECK(mapped({"flatten:1", "keep-host"}, "quay.io/a/b:1") == "quay.io-a-b:1");
  CHECK(mapped({"quay.io=q"}, "quay.io/a/b:1") == "q/a/b:1");
  CHECK(mapped({"quay.io=q"}, "quay.iot/a/b:1") == "a/b:1");
  CHECK(mapped({"quay.io=q", "quay.io/a=x/y"}, "quay.io/a/b:1") == "x/y/b:1");
  CHECK(mapped({"quay.io/a=x"}, "quay.io/ab/c:1") == "ab/c:1");
  CHECK(mapped({"quay.io/a/b=x"}, "quay.io/a/b:1") == "x:1");
  CHECK(mapped({"docker.io/library="}, "nginx:1") == "nginx:1");
  CHECK(mapped({"keep-host", "quay.io=q"}, "ghcr.io/a:1") == "ghcr.io/a:1");
  // Both names of CoreDNS.
  CHECK(mapped({"keep-host"}, "registry.k8s.io/coredns/coredns:v1") ==
        "registry.k8s.io/coredns/coredns:v1 registry.k8s.io/coredns:v1");
}

TEST_CASE("rules that leave no name") {
  CHECK_ERROR(mapped({"quay.io/a="}, "quay.io/a:1"), selection, "--map leaves no name for quay.io/a");
  CHECK_ERROR(mapped({"keep-host"}, "[::1]:5000/a:1"), selection, "which is no repository");
}

TEST_CASE("what a mirror of a source needs") {
  CHECK(prefix({}, "quay.io").empty());
  CHECK(prefix({"keep-host"}, "127.0.0.1:5000") == "127.0.0.1-5000");
  CHECK(prefix({"quay.io=q/r"}, "quay.io") == "q/r");
  CHECK(prefix({"quay.io=q", "quay.io/a=x"}, "quay.io") == "nothing");
  CHECK(prefix({"quay.io/a=x"}, "docker.io").empty());
  CHECK(prefix({"flatten:2"}, "docker.io") == "nothing");
}

TEST_CASE("equal mappings have equal rules") {
  CHECK(NameMapping::parse({"quay.io=b", "flatten:2", "docker.io=a", "keep-host"}).rules() ==
        std::vector<std::string>{"keep-host", "flatten:2", "docker.io=a", "quay.io=b"});
  const auto rules = NameMapping::rules_in("# x\n keep-host # y\r\n\nquay.io=b", "f");
  REQUIRE(rules.size() == 2);
  CHECK((rules[0].text == "keep-host" && rules[0].where == "f:2:"));
  CHECK((rules[1].text == "quay.io=b" && rules[1].where == "f:4:"));
}
