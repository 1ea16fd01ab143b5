// SPDX-License-Identifier: Apache-2.0
// KubeOneCluster manifests: which images they mean, and how they are patched.
#include "airlock/kubeone/cluster.hpp"
#include <fmt/format.h>

#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "airlock/kubeone/manifest_patch.hpp"
#include "airlock/kubeone/mirrors.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::kubeone;

namespace {

const std::string head =
    "apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\nname: prod\nversions: {kubernetes: 1.29.4}\n";

Cluster cluster(const std::string& more, const std::string& start = head) {
  return parse_cluster(start + more, "k.yaml");
}

const kubeone::Catalog& built_in() {
  static const auto catalog = kubeone::Catalog::built_in();
  return catalog;
}

std::map<std::string, std::string> addons(const std::string& more, const std::string& release = "1.8",
                                          const std::string& provider = "", const std::string& start = head) {
  std::vector<std::string> warnings;
  return deployment_of(cluster(more, start), *built_in().find_release(release), provider, warnings).addons;
}

/// What a release says to a manifest.
std::vector<std::string> check(const std::string& more, const std::string& release, bool assumed = false,
                               const std::string& start = head) {
  std::vector<std::string> warnings;
  check_manifest(cluster(more, start), built_in(), *built_in().find_release(release), assumed, warnings);
  return warnings;
}

std::string names(const std::map<std::string, std::string>& addons) {
  std::vector<std::string> list;
  for (const auto& [name, why] : addons) list.push_back(name);
  return join(list, " ");
}

const PatchValues values{"registry.local:5000/k8s", false};

}  // namespace

TEST_CASE("what KubeOne deploys by default, and what turns it off") {
  CHECK(names(addons("cloudProvider: {openstack: {}, external: true}\n")) ==
        "ccm-openstack cni-canal csi-external-snapshotter csi-openstack-cinder machinecontroller metrics-server "
        "nodelocaldns operating-system-manager");
  CHECK(names(addons("cloudProvider: {none: {}}\n")) == "cni-canal metrics-server nodelocaldns");
  CHECK(names(addons("cloudProvider: {none: {}}\n", "1.7")) ==
        "cni-canal machinecontroller metrics-server nodelocaldns operating-system-manager");
  CHECK(names(addons("cloudProvider: {openstack: {}, external: true, disableBundledCSIDrivers: true}\n"
                     "clusterNetwork: {cni: {cilium: {}}}\nmachineController: {deploy: true}\n"
                     "operatingSystemManager: {deploy: false}\n"
                     "features: {metricsServer: {enable: false}, nodeLocalDNS: {deploy: false}}\n")) ==
        "ccm-openstack cni-cilium machinecontroller");
  CHECK(names(addons("cloudProvider: {none: {}}\nclusterNetwork: {cni: {external: {}}}\n")) ==
        "metrics-server nodelocaldns");
  CHECK(names(addons("cloudProvider: {none: {}}\nclusterNetwork: {cni: {weaveNet: {}}}\n")) ==
        "cni-weavenet metrics-server nodelocaldns");
  // A pointer that is there without `deploy` is false, not the default.
  CHECK(names(addons("cloudProvider: {openstack: {}}\nmachineController: {}\n")) ==
        "ccm-openstack cni-canal csi-external-snapshotter csi-openstack-cinder metrics-server nodelocaldns");
}

TEST_CASE("providers differ by release") {
  const std::string vsphere = "cloudProvider: {vsphere: {}}\n";
  CHECK_FALSE(addons(vsphere, "1.6").contains("csi-vsphere"));
  CHECK(addons("cloudProvider: {vsphere: {}, external: true}\n", "1.6").contains("csi-vsphere"));
  CHECK(addons(vsphere, "1.13").contains("ccm-vsphere"));
  // Since 1.8 external by default, from Kubernetes 1.29 on.
  const std::string older =
      "apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\nname: x\nversions: {kubernetes: 1.28.8}\n";
  CHECK(addons("cloudProvider: {hetzner: {}}\n").contains("ccm-hetzner"));
  CHECK(addons("cloudProvider: {hetzner: {}, external: false}\n").contains("ccm-hetzner"));
  CHECK_FALSE(addons("cloudProvider: {hetzner: {}}\n", "1.8", "", older).contains("ccm-hetzner"));
  CHECK_FALSE(addons("cloudProvider: {hetzner: {}}\n", "1.7").contains("ccm-hetzner"));
  CHECK_FALSE(addons("cloudProvider: {kubevirt: {}}\n", "1.13").contains("ccm-kubevirt"));
  CHECK(addons("cloudProvider: {kubevirt: {}}\n", "1.14").contains("ccm-kubevirt"));
  // In 1.5 these need their CSI drivers from Kubernetes 1.23 on.
  const auto azure = [&](const char* version) {
    return addons("cloudProvider: {azure: {}}\n", "1.5", "",
                  std::string("apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\nversions: {kubernetes: ") +
                      version + "}\n")
        .contains("csi-azuredisk");
  };
  CHECK((azure("1.23.1") && !azure("1.22.1")));
  CHECK(addons("cloudProvider: {packet: {}, external: true}\n").contains("ccm-equinixmetal"));
  CHECK(addons("", "1.8", "hetzner").contains("csi-hetzner"));
  CHECK_ERROR(addons(""), selection, "no cloud provider given");
  CHECK_ERROR(addons("cloudProvider: {kubevirt: {}}\n"), selection, "KubeOne v1.8.6 has no cloud provider kubevirt");
  CHECK_ERROR(addons("cloudProvider: {aws: {}}\n", "1.8", "gce"), selection, "but --cloud-provider says gce");
}

TEST_CASE("v1beta1 is kubeone.io's") {
  const std::string v1 =
      "apiVersion: kubeone.io/v1beta1\nkind: KubeOneCluster\nname: x\nversions: {kubernetes: 1.24.1}\n";
  CHECK(names(addons("cloudProvider: {packet: {}, external: true}\n", "1.5", "", v1)) ==
        "ccm-equinixmetal cni-canal machinecontroller metrics-server nodelocaldns");  // no operating-system-manager
  CHECK(addons("cloudProvider: {hetzner: {}}\n", "1.8", "", v1).contains("csi-hetzner"));
  CHECK_ERROR(addons("cloudProvider: {hetzner: {}}\n", "1.11", "", v1), selection,
              "KubeOne v1.11.4 does not load kubeone.io/v1beta1");
}

TEST_CASE("declared addons") {
  const std::string none = "cloudProvider: {none: {}}\n";
  const auto with = [&](const std::string& text, const std::string& release = "1.8") {
    return names(addons(none + text, release));
  };
  CHECK(with("addons: {enable: true, addons: [{name: cluster-autoscaler}, {name: default-storage-class}]}\n") ==
        "cluster-autoscaler cni-canal default-storage-class metrics-server nodelocaldns");
  // 1.8 does not deploy these; whoever enables them later finds them.
  CHECK(with("addons: {enable: false, addons: [{name: cluster-autoscaler}]}\n") ==
        "cluster-autoscaler cni-canal metrics-server nodelocaldns");
  CHECK(with("addons: {addons: [{name: cluster-autoscaler}]}\n", "1.11") ==
        "cluster-autoscaler cni-canal metrics-server nodelocaldns");
  CHECK(with("addons: {enable: true, addons: [{name: cluster-autoscaler}]}\n", "1.14") ==
        "cluster-autoscaler cni-canal metrics-server nodelocaldns");
  CHECK(with("addons: {enable: true, addons: [{name: backups-restic, delete: true}]}\n") ==
        "cni-canal metrics-server nodelocaldns");
  // Naming an automatic one passes parameters to it, no more.
  CHECK(with("addons: {enable: true, addons: [{name: ccm-aws}]}\n") == "cni-canal metrics-server nodelocaldns");
  CHECK(with("addons: {enable: true, addons: [{name: ccm-nutanix}]}\n") ==
        "ccm-nutanix cni-canal metrics-server nodelocaldns");
  CHECK(with("addons: {enable: true, addons: [{name: machinecontroller}]}\n") ==
        "cni-canal metrics-server nodelocaldns");
  CHECK(with("addons: {enable: true, addons: [{name: machinecontroller}]}\n", "1.14") ==
        "cni-canal machinecontroller metrics-server nodelocaldns");
  CHECK_ERROR(with("addons: {enable: true, addons: [{name: backup}]}\n"), selection,
              "KubeOne v1.8.6 has no addon backup");
  const auto v3 = parse_cluster(
      "apiVersion: kubeone.k8c.io/v1beta3\nkind: KubeOneCluster\nname: x\nversions: {kubernetes: v1.34.1}\n"
      "addons: {addons: [{addon: {name: backups-restic}}, {helmRelease: {chart: nginx}}]}\n",
      "k.yaml");
  CHECK(v3.declared_addons == std::vector<std::string>{"backups-restic"});
  REQUIRE(v3.helm_releases.size() == 1);
  CHECK(v3.helm_releases.front().chart == "nginx");
}

TEST_CASE("manifests that are none") {
  CHECK_ERROR(parse_cluster("kind: Pod\napiVersion: v1\n", "k.yaml"), selection, "k.yaml: no KubeOneCluster manifest");
  CHECK_ERROR(parse_cluster("", "k.yaml"), selection, "no KubeOneCluster manifest");
  CHECK_ERROR(parse_cluster("a: [", "k.yaml"), selection, "not valid YAML");
  CHECK_ERROR(parse_cluster(head + "---\n" + head, "k.yaml"), selection, "more than one KubeOneCluster");
  CHECK_ERROR(cluster("", "apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\n"), selection,
              "versions.kubernetes is missing");
  CHECK_ERROR(cluster("cloudProvider: {aws: {}, gce: {}}\n"), selection, "names both aws and gce");
  CHECK_ERROR(cluster("clusterNetwork: {cni: {flannel: {}}}\n"), selection, "unknown CNI flannel");
  CHECK_ERROR(cluster("clusterNetwork: {cni: {canal: {}, cilium: {}}}\n"), selection, "cni names both");
  CHECK_ERROR(cluster("cloudProvider: {aws: {}, external: maybe}\n"), selection, "neither true nor false");
  CHECK(parse_cluster("apiVersion: v1\nkind: ConfigMap\n---\n" + head, "k.yaml").name == "prod");
  // A list or a text in the place of a mapping, at each depth.
  for (const char* key : {"addons", "cloudProvider", "clusterNetwork", "containerRuntime", "features",
                          "machineController", "operatingSystemManager"})
    for (const char* value : {"[]", "[1]", "text"}) {
      CHECK_ERROR(cluster(fmt::format("{}: {}\n", key, value)), selection, fmt::format("{} is not a mapping", key));
    }
  CHECK_ERROR(cluster("containerRuntime: {containerd: []}\n"), selection, "line 5: containerd is not a mapping");
  CHECK_ERROR(cluster("features: {coreDNS: []}\n"), selection, "coreDNS is not a mapping");
  CHECK_ERROR(cluster("addons: {addons: [[]]}\n"), selection, "0 is not a mapping");
  CHECK_ERROR(cluster("", "apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\nversions: []\n"), selection,
              "versions is not a mapping");
}

TEST_CASE("a manifest that the release would refuse is refused with the line") {
  const std::string none = "cloudProvider: {none: {}}\n";
  CHECK(check(none, "1.8").empty());
  CHECK_ERROR(check(none + "features:\n  metricsserver: {enable: true}\n", "1.8"), selection,
              "k.yaml: line 7: features.metricsserver is not a known field; KubeOne v1.8.6 refuses it");
  CHECK_ERROR(check(none + "controlPlane:\n  hosts:\n  - publicAddress: a\n    sshport: 1\n", "1.8"), selection,
              "line 9: controlPlane.hosts[0].sshport is not a known field");
  CHECK_ERROR(check(none + "addons: {path: 5}\n", "1.8"), selection, "line 6: addons.path is not a string");
  CHECK_ERROR(check(none + "helmReleases: {}\n", "1.8"), selection, "line 6: helmReleases is not a list");
  CHECK_ERROR(check(none + "proxy: [a]\n", "1.8"), selection, "line 6: proxy is not a mapping");
  CHECK_ERROR(check(none + "apiEndpoint: {port: true}\n", "1.8"), selection, "apiEndpoint.port is not a number");
  CHECK_ERROR(check(none + "machineController: {deploy: 1}\n", "1.8"), selection, "neither true nor false");
  CHECK_ERROR(check("", "1.14", false,
                    "apiVersion: kubeone.k8c.io/v1beta3\nkind: KubeOneCluster\nversions: {kubernetes: 1.34.1}\n"),
              selection, "k.yaml: line 1: the API version kubeone.k8c.io/v1beta3 is not loaded by KubeOne v1.14.2");
}

TEST_CASE("what only some releases refuse") {
  const std::string both =
      "cloudProvider: {none: {}}\nregistryConfiguration: {overwriteRegistry: r:5000}\ncontainerRuntime:\n  "
      "containerd:\n"
      "    registries:\n      docker.io: {mirrors: [https://m]}\n";
  CHECK_ERROR(check(both, "1.12"), selection, "line 9: containerRuntime.containerd.registries cannot be combined with");
  CHECK(check(both, "1.13").empty());
  const auto warnings = check(both, "1.12", true);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings.front(), ContainsSubstring("but KubeOne 1.13, 1.14 would accept it"));
  const std::string path =
      "cloudProvider: {none: {}}\ncontainerRuntime: {containerd: {registries: {docker.io: {overridePath: true}}}}\n";
  CHECK_ERROR(check(path, "1.11"), selection,
              "containerRuntime.containerd.registries.docker.io.overridePath is not a known field");
  CHECK(check(path, "1.12").empty());
  CHECK_THAT(check("cloudProvider: {none: {}}\n", "1.8", false,
                   "apiVersion: kubeone.io/v1beta1\nkind: KubeOneCluster\nname: x\nversions: {kubernetes: 1.29.4}\n")
                 .at(0),
             ContainsSubstring("until kubeone config migrate"));
}

TEST_CASE("local addons are applied as KubeOne does") {
  const TemporaryDirectory folder;
  for (const char* path : {"addons/ours/deep", "addons/cni-cilium", "addons/machinecontroller"})
    std::filesystem::create_directories(folder.path() / path);
  const auto write = [&](const std::string& path, const std::string& image) {
    replace_file(folder.path() / path, "image: quay.io/x/" + image + ":1\n");
  };
  write("addons/top.yaml", "top");
  write("addons/ours/a.YAML", "ours");
  write("addons/ours/deep/b.yaml", "deep");
  write("addons/ours/readme.txt", "text");
  write("addons/cni-cilium/c.yaml", "cilium");
  write("addons/machinecontroller/d.yaml", "machines");
  const auto images = [&](const std::string& release, const std::string& more) {
    replace_file(folder.path() / "k.yaml", head + more);
    std::vector<std::string> warnings;
    const auto request =
        deployment_of(read_cluster(folder.path() / "k.yaml"), *built_in().find_release(release), "", warnings);
    std::string found;
    for (const auto& [image, why] : request.images) found += image.substr(10, image.size() - 12) + " ";
    return found + (request.addons.contains("machinecontroller") ? "+" : "");
  };
  const std::string canal = "cloudProvider: {hetzner: {}}\naddons: {enable: true, path: ./addons}\n";
  CHECK(images("1.8", canal) == "machines ours top ");
  CHECK(images("1.8", canal + "clusterNetwork: {cni: {cilium: {}}}\n") == "cilium machines ours top ");
  CHECK(images("1.8", "cloudProvider: {hetzner: {}}\naddons: {path: ./addons}\n") == "+");
  CHECK(images("1.11", "cloudProvider: {hetzner: {}}\naddons: {path: ./addons}\n") == "machines ours top ");
  // 1.9 and 1.10 look at the path only beside a declared addon.
  CHECK(images("1.10", canal) == "+");
  CHECK(images("1.10",
               "cloudProvider: {hetzner: {}}\naddons: {path: ./addons, addons: [{name: default-storage-class}]}\n") ==
        "machines ours top ");
}

TEST_CASE("images out of manifests") {
  const FoundImages found = find_images(
      "spec:\n  containers:\n  - image: quay.io/a/b:1 # why\n    name: x\n  - name: y\n    image: \"alpine:3\"\n"
      "  # image: quay.io/not/this:1\n  imagePullPolicy: Always\n  - {name: z, image: quay.io/c/d:2}\n"
      "  image: '{{ Registry \"quay.io\" }}/e/f:3'\n  image: {{ .Params.IMAGE }}\n  image: null\n"
      "  \"image\": \"ghcr.io/g/h:4\",\r\n",
      "m.yaml");
  std::vector<std::string> images;
  for (const auto& [image, where] : found.images) images.push_back(image);
  CHECK(images == std::vector<std::string>{"ghcr.io/g/h:4", "quay.io/a/b:1", "quay.io/c/d:2", "quay.io/e/f:3"});
  CHECK(found.unreadable.size() == 1);  // a list that becomes a mapping
  REQUIRE(found.suspects.size() == 1);
  CHECK(found.suspects.front().text == "alpine:3");
  CHECK(found.images.at("quay.io/a/b:1") == "m.yaml:3");
  CHECK(found.unresolved == std::vector<std::string>{"m.yaml:11: {{ .Params.IMAGE }}"});
}

TEST_CASE("a manifest is patched, and nothing else in it") {
  const std::string wanted =
      "registryConfiguration:\n  overwriteRegistry: \"registry.local:5000/k8s\"\n  insecureRegistry: false\n";
  SECTION("none yet") { CHECK(patch_manifest(head, values, "k") == head + wanted); }
  SECTION("no line end at the end") {
    CHECK(patch_manifest(head.substr(0, head.size() - 1), values, "k") == head + wanted);
  }
  SECTION("an existing one, with comments and quoting") {
    const std::string before =
        head +
        "registryConfiguration:  # ours\n    # the old one\n    overwriteRegistry: 'old:5000' # keep\n"
        "    insecureRegistry: true\n\n# next\nproxy: {}\n";
    CHECK(patch_manifest(before, values, "k") == head +
                                                     "registryConfiguration:  # ours\n    # the old one\n    "
                                                     "overwriteRegistry: 'registry.local:5000/k8s' # keep\n"
                                                     "    insecureRegistry: false\n\n# next\nproxy: {}\n");
  }
  SECTION("an empty one") {
    for (const char* empty :
         {"registryConfiguration: {}\n", "registryConfiguration:\n", "registryConfiguration: null\n"})
      CHECK(patch_manifest(head + empty + "proxy: {}\n", values, "k") == head + wanted + "proxy: {}\n");
  }
  SECTION("a commented one, as kubeone config print has it") {
    const std::string before =
        head + "# registryConfiguration:\n#   overwriteRegistry: \"\"\n#   insecureRegistry: false\n\nproxy: {}\n";
    CHECK(patch_manifest(before, values, "k") ==
          head + "# registryConfiguration:\n#   overwriteRegistry: \"\"\n#   insecureRegistry: false\n" + wanted +
              "\nproxy: {}\n");
  }
  SECTION("CRLF") {
    std::string before = "apiVersion: kubeone.k8c.io/v1beta2\r\nkind: KubeOneCluster\r\nname: x\r\n";
    CHECK(patch_manifest(before, values, "k") == before +
                                                     "registryConfiguration:\r\n  overwriteRegistry: "
                                                     "\"registry.local:5000/k8s\"\r\n  insecureRegistry: false\r\n");
  }
  SECTION("several documents") {
    const std::string other = "kind: ConfigMap\nregistryConfiguration: mine\n";
    CHECK(patch_manifest(other + "---\n" + head + "\n---\n" + other, values, "k") ==
          other + "---\n" + head + wanted + "\n---\n" + other);
  }
  SECTION("insecure") {
    CHECK(patch_manifest(head, {"r:5000", true}, "k") ==
          head + "registryConfiguration:\n  overwriteRegistry: \"r:5000\"\n  insecureRegistry: true\n");
  }
  SECTION("twice is the same as once") {
    const std::string once = patch_manifest(head, {"r:5000", true}, "k");
    CHECK(patch_manifest(once, {"r:5000", true}, "k") == once);
  }
  SECTION("what cannot be patched is refused") {
    CHECK_ERROR(patch_manifest("{apiVersion: kubeone.k8c.io/v1beta2, kind: KubeOneCluster}\n", values, "k"), selection,
                "not written with one key per line");
    CHECK_ERROR(patch_manifest(head + "registryConfiguration: [a]\n", values, "k"), selection, "is not a mapping");
    CHECK_ERROR(patch_manifest(head + "registryConfiguration: {\n  overwriteRegistry: x}\n", values, "k"), selection,
                "several lines in braces");
    CHECK_ERROR(patch_manifest("kind: Pod\n", values, "k"), selection, "no KubeOneCluster");
    CHECK_ERROR(patch_manifest("a: [\n", values, "k"), selection, "not valid YAML");
  }
}

TEST_CASE("mirrors are written as the release reads them") {
  const auto consumer = [](const char* release) { return consumer_of(built_in(), *built_in().find_release(release)); };
  MirrorConfiguration mirror{oci::Location::parse("registry.local:5000/k8s"),
                             oci::Reach::tls_unverified,
                             true,
                             {"docker.io", "registry.k8s.io"},
                             consumer("1.14")};
  CHECK(mirror.url("docker.io") == "https://registry.local:5000/v2/k8s");
  const std::string stanza = mirror.stanza(ApiVersion::v1beta2);
  CHECK_THAT(stanza, ContainsSubstring(
                         "      registry.k8s.io:\n        mirrors:\n          - https://registry.local:5000/v2/k8s\n"
                         "        overridePath: true\n        tlsConfig:\n          insecureSkipVerify: true\n"));
  CHECK_THAT(stanza, ContainsSubstring("registriesAuth") && ContainsSubstring("to each source"));
  CHECK_THAT(
      mirror.hosts_toml().at("docker.io"),
      ContainsSubstring("[host.\"https://registry.local:5000/v2/k8s\"]\n  capabilities = [\"pull\", \"resolve\"]\n  "
                        "override_path = true\n  skip_verify = true\n"));
  CHECK_THAT(mirror.registries_conf(),
             ContainsSubstring("prefix = \"docker.io\"\nlocation = \"docker.io\"\n\n[[registry.mirror]]\n"
                               "location = \"registry.local:5000/k8s\"\ninsecure = true\n"));
  for (const char* release : {"1.8", "1.12"}) {
    mirror.consumer = consumer(release);
    const std::string older = mirror.stanza(ApiVersion::v1beta2);
    CHECK_THAT(older, !ContainsSubstring("overridePath"));
    CHECK_THAT(older,
               ContainsSubstring("          - https://registry.local:5000/v2/k8s\n      \"registry.local:5000\":\n"
                                 "        tlsConfig:\n          insecureSkipVerify: true\n"));
    CHECK_THAT(older, ContainsSubstring("an entry \"registry.local:5000\""));
  }
  mirror = {oci::Location::parse("r:5000"), oci::Reach::plain_http, false, {"quay.io"}, consumer("1.14")};
  CHECK(mirror.url("docker.io") == "http://r:5000");
  CHECK_THAT(mirror.stanza(ApiVersion::v1beta2), !ContainsSubstring("overridePath") && !ContainsSubstring("tlsConfig"));
}

TEST_CASE("kubeadm's constants") {
  const std::string text =
      "\tDefaultEtcdVersion = \"3.5.12-0\"\n\tCoreDNSImageName = \"coredns\"\n\tCoreDNSVersion = \"v1.11.1\"\n"
      "\tPauseVersion = \"3.9\"\n\tSupportedEtcdVersion = map[uint8]string{\n\t\t28: \"3.5.10-0\",\n\t\t29: "
      "\"3.5.12-1\",\n\t}\n";
  const auto of = [&](const std::string& version, const std::string& constants) {
    return kubeone::parse_kubeadm_constants(constants, *kubeone::Version::parse(version), "url");
  };
  CHECK(of("v1.29.99", text).etcd == "3.5.12-1");
  CHECK(of("v1.30.1", text).etcd == "3.5.12-0");
  CHECK(of("v1.30.1", text).coredns == "coredns/coredns:v1.11.1");
  CHECK(of("v1.20.99", text).coredns == "coredns:v1.11.1");
  CHECK(of("v1.30.1", text).pause == "3.9");
  CHECK_ERROR(of("v1.30.1", "<html>"), selection, "CoreDNSVersion is missing");
  CHECK_ERROR(of("v1.30.1", "PauseVersion = \"$(x)\"\nCoreDNSVersion = \"v1\"\n"), selection,
              "PauseVersion is missing");
}
