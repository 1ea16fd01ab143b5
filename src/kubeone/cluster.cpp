// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/cluster.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::size_t max_manifest = 4U << 20;
constexpr std::string_view group = "kubeone.k8c.io/";
// What stands below cloudProvider beside the provider (CloudProviderSpec).
constexpr std::array provider_settings{"external", "disableBundledCSIDrivers", "cloudConfig", "csiConfig",
                                       "secretProviderClassName"};

[[noreturn]] void refuse(const std::string& file, const std::string& why, const std::string& hint) {
  throw Error(ErrorCode::selection, file + ": " + why).hint(hint);
}

/// Reads one manifest; keeps its file's name for errors.
class ManifestReader {
 public:
  ManifestReader(const YAML::Node& root, std::string file) : root_(root), file_(std::move(file)) {}

  Cluster read() const {
    Cluster cluster;
    cluster.origin = file_;
    cluster.api_version = text(root_, "apiVersion").substr(group.size());
    if (cluster.api_version != "v1beta1" && cluster.api_version != "v1beta2" && cluster.api_version != "v1beta3")
      refuse(file_, "unknown API version " + printable(text(root_, "apiVersion"), 80),
             "known are kubeone.k8c.io/v1beta1, v1beta2 and v1beta3");
    cluster.name = text(root_, "name");
    cluster.kubernetes_version = text(child(root_, "versions"), "kubernetes");
    if (cluster.kubernetes_version.empty())
      refuse(file_, "versions.kubernetes is missing", "write the cluster's Kubernetes version, for example v1.29.4");
    read_provider(cluster);
    read_network(cluster);
    read_features(cluster);
    read_addons(cluster);
    cluster.machine_controller = deployed(child(root_, "machineController"));
    cluster.operating_system_manager = deployed(child(root_, "operatingSystemManager"));
    cluster.sandbox_image = text(child(child(root_, "containerRuntime"), "containerd"), "sandboxImage");
    for (const YAML::Node& chart : child(root_, "helmReleases")) cluster.helm_releases.push_back(text(chart, "chart"));
    return cluster;
  }

 private:
  static YAML::Node child(const YAML::Node& node, const char* key) {
    return node.IsMap() && node[key] ? node[key] : YAML::Node(YAML::NodeType::Undefined);
  }

  std::string text(const YAML::Node& node, const char* key) const {
    const YAML::Node value = child(node, key);
    if (!value.IsDefined() || value.IsNull()) return {};
    if (!value.IsScalar()) refuse(file_, std::string(key) + " is not a text", "compare with kubeone config print");
    return value.Scalar();
  }

  std::optional<bool> flag(const YAML::Node& node, const char* key) const {
    const std::string word = text(node, key);
    if (word.empty()) return std::nullopt;
    if (word != "true" && word != "false")
      refuse(file_, std::string(key) + " is neither true nor false", "correct it; kubeone apply would refuse it too");
    return word == "true";
  }

  /// A pointer in KubeOne's types: absent has a default, present without `deploy` is false.
  std::optional<bool> deployed(const YAML::Node& node, const char* key = "deploy") const {
    if (!node.IsDefined() || node.IsNull()) return std::nullopt;
    return flag(node, key).value_or(false);
  }

  void read_provider(Cluster& cluster) const {
    const YAML::Node node = child(root_, "cloudProvider");
    if (!node.IsMap()) return;
    cluster.external = flag(node, "external").value_or(false);
    cluster.disable_bundled_csi_drivers = flag(node, "disableBundledCSIDrivers").value_or(false);
    for (const auto& member : node) {
      const std::string key = member.first.Scalar();
      if (std::find(provider_settings.begin(), provider_settings.end(), key) != provider_settings.end()) continue;
      if (!cluster.provider.empty())
        refuse(file_, "cloudProvider names both " + cluster.provider + " and " + printable(key, 80),
               "leave one of them");
      cluster.provider = key == "packet" ? "equinixmetal" : key;
    }
  }

  void read_network(Cluster& cluster) const {
    const YAML::Node cni = child(child(root_, "clusterNetwork"), "cni");
    if (!cni.IsMap()) return;
    for (const auto& member : cni) {
      const std::string key = member.first.Scalar();
      if (key != "canal" && key != "cilium" && key != "weaveNet" && key != "external")
        refuse(file_, "unknown CNI " + printable(key, 80), "known are canal, cilium, weaveNet and external");
      if (!cluster.cni.empty()) refuse(file_, "cni names both " + cluster.cni + " and " + key, "leave one of them");
      cluster.cni = key;
      cluster.local_redirect_policy = flag(member.second, "enableLocalRedirectPolicy").value_or(false);
    }
  }

  void read_features(Cluster& cluster) const {
    const YAML::Node features = child(root_, "features");
    cluster.metrics_server = deployed(child(features, "metricsServer"), "enable");
    cluster.node_local_dns = deployed(child(features, "nodeLocalDNS"));
    cluster.coredns_repository = text(child(features, "coreDNS"), "imageRepository");
  }

  void read_addons(Cluster& cluster) const {
    const YAML::Node addons = child(root_, "addons");
    if (!addons.IsMap()) return;
    // v1beta3 has no such switch (Addons).
    if (cluster.api_version != "v1beta3" && !flag(addons, "enable").value_or(false)) return;
    const std::string path = text(addons, "path");
    if (!path.empty()) cluster.addons_directory = std::filesystem::path(file_).parent_path() / path;
    for (const YAML::Node& entry : child(addons, "addons")) {
      const YAML::Node chart = child(entry, "helmRelease");
      if (chart.IsDefined()) cluster.helm_releases.push_back(text(chart, "chart"));
      const YAML::Node addon = child(entry, "addon").IsDefined() ? child(entry, "addon") : entry;
      const std::string name = text(addon, "name");
      if (!name.empty() && !flag(addon, "delete").value_or(false)) cluster.declared_addons.push_back(name);
    }
  }

  YAML::Node root_;
  std::string file_;
};

}  // namespace

Cluster read_cluster(const std::filesystem::path& file) { return parse_cluster(read_file(file, max_manifest), file); }

Cluster parse_cluster(std::string_view text, const std::filesystem::path& file) {
  std::vector<YAML::Node> found;
  try {
    for (const YAML::Node& document : YAML::LoadAll(std::string(text))) {
      if (!document.IsMap() || !document["kind"] || !document["apiVersion"] || !document["kind"].IsScalar()) continue;
      if (document["kind"].Scalar() == "KubeOneCluster" && document["apiVersion"].IsScalar() &&
          document["apiVersion"].Scalar().starts_with(group))
        found.push_back(document);
    }
    if (found.size() == 1) return ManifestReader(found.front(), file.string()).read();
  } catch (const YAML::Exception& error) {
    refuse(file.string(), "line " + std::to_string(error.mark.line + 1) + ": not valid YAML: " + printable(error.msg),
           "check it with: kubeone config print, or a YAML linter");
  }
  if (found.empty())
    refuse(file.string(), "no KubeOneCluster manifest (apiVersion kubeone.k8c.io/..., kind KubeOneCluster)",
           "give the manifest that kubeone apply takes with -m");
  refuse(file.string(), "more than one KubeOneCluster manifest", "give each its own file; --cluster may be repeated");
}

}  // namespace airlock::kubeone
