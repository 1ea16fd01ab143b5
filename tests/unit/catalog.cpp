// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "airlock/kubeone/selection.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::kubeone;

namespace {

const Catalog& built_in() {
  static const Catalog catalog = Catalog::built_in();
  return catalog;
}

std::vector<std::string> names(const SelectionRequest& request) {
  std::vector<std::string> result;
  for (const auto& [image, reason] : select(built_in(), request).images) result.push_back(image.str());
  return result;
}

bool has(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

TEST_CASE("versions") {
  CHECK(Version::parse("v1.29.4") == Version{{1, 29}, 4});
  CHECK(Version::parse("1.29.4")->str() == "v1.29.4");
  CHECK(Version::parse("v1.30.0-rc.1")->str() == "v1.30.0-rc.1");
  const std::vector<std::string> ordered{"v1.29.9",       "v1.30.0-alpha.3", "v1.30.0-beta.0", "v1.30.0-rc.2",
                                         "v1.30.0-rc.10", "v1.30.0",         "v1.30.1-rc.0"};
  for (std::size_t i = 1; i < ordered.size(); ++i) CHECK(*Version::parse(ordered[i - 1]) < *Version::parse(ordered[i]));
  for (const char* bad : {"", "v", "1.29", "1.29.x", "1.29.4-", "1.29.4-rc", "1.29.4-rc.01", "1.29.4-gke.1", "1.29.04",
                          "1.29.4.1", "v1..4", "-1.2.3"})
    CHECK_FALSE(Version::parse(bad));
  CHECK(Minor::parse("1.9") < Minor::parse("1.10"));
  CHECK(MinorRange{Minor{1, 27}, Minor{1, 30}}.contains({1, 30}));
  CHECK_FALSE(MinorRange{Minor{1, 27}, std::nullopt}.contains({1, 26}));
}

TEST_CASE("the built-in catalog knows every release") {
  CHECK(built_in().lines() ==
        std::vector<std::string>{"1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11", "1.12", "1.13", "1.14"});
  CHECK(built_in().find_release("v1.8.6") == built_in().find_release("1.8"));
  for (const char* unknown : {"1.4", "1.8.7", "1", "", "1.8.x"}) CHECK(built_in().find_release(unknown) == nullptr);
  std::size_t count = 0;
  for (const std::string& line : built_in().lines())
    for (const std::string& version : built_in().patches(line)) {
      INFO(version);
      CHECK(built_in().find_release(version)->version == version);
      CHECK_NOTHROW(select(built_in(), {{}, {}, version, {}, {}}));
      ++count;
    }
  CHECK(count == 59);
}

TEST_CASE("a patch release has its own images and rules") {
  CHECK(built_in().patches("1.14") == std::vector<std::string>{"v1.14.2", "v1.14.1", "v1.14.0"});
  const auto manager = [](const char* release) {
    for (const auto& name : names({{"base"}, {"v1.34.2"}, release, {}, {}}))
      if (name.find("operating-system-manager") != std::string::npos) return name;
    return std::string();
  };
  CHECK(manager("1.14") == "quay.io/kubermatic/operating-system-manager:v1.11.1");
  CHECK(manager("1.14.2") == manager("1.14"));
  CHECK(manager("v1.14.1") == "quay.io/kubermatic/operating-system-manager:v1.11.0");
  const Release& first = *built_in().find_release("1.12.0");
  const Release& last = *built_in().find_release("1.12.4");
  const Json::json_pointer field("/containerRuntime/containerd/registries/*/overridePath");
  CHECK(built_in().fields(first, "kubeone.k8c.io/v1beta2").contains(field));
  CHECK_FALSE(built_in().fields(*built_in().find_release("1.11"), "kubeone.k8c.io/v1beta2").contains(field));
  CHECK(built_in().fields(last, "kubeone.io/v1beta1").is_null());
}

// The build reads data/catalog with Python's reader (tools/catalog_yaml.py), --catalog with the program's own.
TEST_CASE("what is compiled in is what the files say") {
  const auto files = Catalog::load(std::filesystem::path(AIRLOCK_SOURCE) / "data/catalog");
  CHECK(files.digest() == built_in().digest());
  CHECK(files.lines() == built_in().lines());
}

TEST_CASE("KubeOne's word for no filter, and versions that name a minor") {
  CHECK(names({{"none"}, {"1.29.4"}, "1.8", {}, {}}) == names({{}, {"1.29.4"}, "1.8", {}, {}}));
  CHECK_ERROR(names({{"none", "base"}, {"1.29.4"}, "1.8", {}, {}}), selection, "unknown filter \"none\"");
  const auto notes = notes_on_versions(built_in(), {"v1.34", "v1.34.2"});
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes.front(), ContainsSubstring("v1.34.10 is used") && ContainsSubstring("KubeOne itself uses v1.34.0"));
}

// What KubeOne 1.8's `mirror-images --filter base --kubernetes-versions v1.29.4,v1.28.8` copies: its base resources and
// the control plane of both versions (pkg/images/util.go, GetKubeoneImages).
TEST_CASE("the base set of KubeOne 1.8 for two versions") {
  CHECK(names({{"base"}, {"v1.29.4", "v1.28.8"}, "", {}, {}}) ==
        std::vector<std::string>{"docker.io/flannel/flannel:v0.21.3",
                                 "quay.io/calico/cni:v3.27.4",
                                 "quay.io/calico/kube-controllers:v3.27.4",
                                 "quay.io/calico/node:v3.27.4",
                                 "quay.io/kubermatic/machine-controller:v1.59.3",
                                 "quay.io/kubermatic/operating-system-manager:v1.5.3",
                                 "registry.k8s.io/coredns/coredns:v1.10.1",
                                 "registry.k8s.io/coredns/coredns:v1.11.1",
                                 "registry.k8s.io/dns/k8s-dns-node-cache:1.23.1",
                                 "registry.k8s.io/etcd:3.5.12-0",
                                 "registry.k8s.io/kube-apiserver:v1.28.8",
                                 "registry.k8s.io/kube-apiserver:v1.29.4",
                                 "registry.k8s.io/kube-controller-manager:v1.28.8",
                                 "registry.k8s.io/kube-controller-manager:v1.29.4",
                                 "registry.k8s.io/kube-proxy:v1.28.8",
                                 "registry.k8s.io/kube-proxy:v1.29.4",
                                 "registry.k8s.io/kube-scheduler:v1.28.8",
                                 "registry.k8s.io/kube-scheduler:v1.29.4",
                                 "registry.k8s.io/metrics-server/metrics-server:v0.7.1",
                                 "registry.k8s.io/pause:3.9"});
  CHECK(select(built_in(), {{"base"}, {"v1.29.4", "v1.28.8"}, "", {}, {}}).kubeone == "v1.8.6");
}

TEST_CASE("filters mix") {
  const SelectionRequest control_plane{{"control-plane"}, {"1.29.4"}, "1.8", {}, {}};
  CHECK(names(control_plane).size() == 7);
  const auto base = names({{"base"}, {"1.29.4"}, "1.8", {}, {}});
  const auto optional = names({{"optional"}, {"1.29.4"}, "1.8", {}, {}});
  const auto both = names({{"optional", "base"}, {"1.29.4"}, "1.8", {}, {}});
  const auto all = names({{}, {"1.29.4"}, "1.8", {}, {}});
  for (const auto& name : names(control_plane)) CHECK((has(base, name) && has(optional, name)));
  CHECK(both == all);
  CHECK(both.size() == base.size() + optional.size() - 7);
  CHECK_FALSE(has(base, "quay.io/cilium/certgen:v0.1.12"));
}

TEST_CASE("a component's image follows the Kubernetes minor") {
  const auto list = names({{"optional"}, {"v1.29.4", "v1.28.8"}, "1.8", {}, {}});
  CHECK(has(list, "registry.k8s.io/provider-aws/cloud-controller-manager:v1.28.6"));
  CHECK(has(list, "registry.k8s.io/provider-aws/cloud-controller-manager:v1.29.3"));
  CHECK_FALSE(has(list, "registry.k8s.io/provider-aws/cloud-controller-manager:v1.30.1"));
}

TEST_CASE("versions left out, and minors") {
  const auto set = select(built_in(), {{"control-plane"}, {}, "1.14", {}, {}});
  CHECK(set.kubernetes_versions.size() == 23);
  CHECK(set.kubernetes_versions.front() == "v1.34.0");
  const auto newest = select(built_in(), {{"control-plane"}, {"1.36"}, "", {}, {}});
  CHECK(newest.kubernetes_versions == std::vector<std::string>{"v1.36.3"});
}

TEST_CASE("the sandbox image can differ from kubeadm's pause") {
  const auto list = names({{"control-plane"}, {"v1.27.16"}, "1.8", {}, {}});
  CHECK(has(list, "registry.k8s.io/pause:3.9"));
}

TEST_CASE("own images and exclusions") {
  CHECK(names({{}, {}, "", {"alpine", "alpine:latest"}, {}}) ==
        std::vector<std::string>{"docker.io/library/alpine:latest"});
  CHECK(select(built_in(), {{}, {}, "", {"alpine"}, {}}).kubeone.empty());
  const auto more = names({{"control-plane"}, {"1.29.4"}, "1.8", {"quay.io/a/b:1"}, {"registry.k8s.io/kube-*"}});
  CHECK(has(more, "quay.io/a/b:1"));
  CHECK(more.size() == 4);
}

TEST_CASE("selections that cannot be formed say what is allowed") {
  const auto refused = [](const SelectionRequest& request) { return select(built_in(), request); };
  CHECK_ERROR(refused({{"basic"}, {}, "", {}, {}}), selection, "unknown filter \"basic\"");
  CHECK_ERROR(refused({{}, {"v1.29.99"}, "", {}, {}}), selection, "v1.29.99 is not in the catalog");
  CHECK_ERROR(refused({{}, {"1.99"}, "", {}, {}}), selection, "no Kubernetes 1.99");
  CHECK_ERROR(refused({{}, {"latest"}, "", {}, {}}), selection, "is not a Kubernetes version");
  CHECK_ERROR(refused({{}, {""}, "", {}, {}}), selection, "is not a Kubernetes version");
  CHECK_ERROR(refused({{}, {}, "1.4", {}, {}}), selection, "unknown KubeOne release");
  CHECK_ERROR(refused({{}, {}, "1.8.9", {}, {}}), selection, "KubeOne v1.8.9 is not in the catalog");
  CHECK_ERROR(refused({{}, {"v1.31.0"}, "1.8", {}, {}}), selection, "does not support Kubernetes v1.31.0");
  CHECK_ERROR(refused({{}, {"v1.22.0", "v1.36.0"}, "", {}, {}}), selection, "no KubeOne release supports all");
  CHECK_ERROR(refused({{}, {"1.29.4"}, "1.8", {}, {"gcr.io/*"}}), selection, "matches no image");
  CHECK_ERROR(refused({{}, {}, "", {"alpine"}, {"*"}}), selection, "the selection is empty");
  CHECK_ERROR(refused({{}, {}, "", {"quay.io/UPPER"}, {}}), selection, "not an image reference");
}

TEST_CASE("a catalog directory replaces the built-in one, and its mistakes are named") {
  const TemporaryDirectory directory;
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(directory.path() / name) << text; };
  CHECK_ERROR(Catalog::load(directory.path() / "none"), media, "cannot read the catalog directory");
  CHECK_ERROR(Catalog::load(directory.path()), selection, "kubeadm.yaml: missing");
  write("kubeadm.yaml", "v1.40.0: {coredns: \"coredns/coredns:v2\", etcd: \"4\", pause: \"5\"}\n");
  CHECK_ERROR(Catalog::load(directory.path()), selection, "no KubeOne release");
  const std::string head = "kubeone: \"v2.0.0\"\nkubernetes: {min: \"1.40\", max: \"1.40\"}\n";
  const auto component = [&](const std::string& group, const std::string& image) {
    write("kubeone-2.0.yaml",
          head + "components:\n  A: {group: " + group + ", images: [{image: \"" + image + "\"}]}\n");
    return directory.path();
  };
  CHECK(select(Catalog::load(component("base", "quay.io/a:1")), {}).images.size() == 8);
  CHECK_ERROR(Catalog::load(component("other", "quay.io/a:1")), selection,
              "component A: group: unknown group \"other\"");
  CHECK_ERROR(Catalog::load(component("base", "quay.io/A:1")), selection,
              "kubeone-2.0.yaml: component A: \"quay.io/A:1\"");
  write("kubeone-2.0.yaml", head + "components: [\n");
  CHECK_ERROR(Catalog::load(directory.path()), selection, "kubeone-2.0.yaml: line");
  write("kubeone-2.0.yaml", head + "kubeone: \"v2.0.1\"\n");
  CHECK_ERROR(Catalog::load(directory.path()), selection, "\"kubeone\" appears twice");
  write("kubeone-2.0.yaml", head + "patches: {\"v1.9.0\": {}}\n");
  CHECK_ERROR(Catalog::load(directory.path()), selection, "\"v1.9.0\" is not a patch release of 2.0");
  write("kubeone-2.0.yaml", head + "rules: {x: {machineController: sometimes}}\n");
  CHECK_ERROR(Catalog::load(directory.path()), selection, "rules of x: machineController: \"sometimes\" is not one of");
  write("kubeone-2.0.yaml", head);
  write("kubeone-2.yaml", head);
  CHECK_ERROR(Catalog::load(directory.path()), selection, "another file also has KubeOne 2.0");
}
