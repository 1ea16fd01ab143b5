// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "kubeone/manifest_document.hpp"

namespace airlock::kubeone {

namespace {

// v1beta1's group, and the one since (KubeOne pkg/apis/kubeone/*/register.go).
constexpr std::array api_groups{"kubeone.io/", "kubeone.k8c.io/"};
// Keys below cloudProvider other than the provider (CloudProviderSpec).
constexpr std::array provider_settings{"external", "disableBundledCSIDrivers", "cloudConfig", "csiConfig",
                                       "secretProviderClassName"};
// YAML 1.1's booleans, which KubeOne's reader accepts (sigs.k8s.io/yaml).
constexpr std::array yes{"yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE", "y", "Y"};
constexpr std::array no{"no", "No", "NO", "off", "Off", "OFF", "False", "FALSE", "n", "N"};

/// Reads one manifest; keeps its file name for errors.
class ManifestReader {
 public:
  ManifestReader(std::shared_ptr<const YamlDocument> document, std::string file)
      : document_(std::move(document)), root_(document_->value), file_(std::move(file)) {}

  Cluster read() const {
    Cluster cluster;
    cluster.origin = file_;
    cluster.document = document_;
    cluster.api_version = text("/apiVersion");
    cluster.name = text("/name");
    cluster.kubernetes_version = text("/versions/kubernetes");
    if (cluster.kubernetes_version.empty())
      refuse_field("/versions", "versions.kubernetes is missing",
                   "write the cluster's Kubernetes version, for example v1.29.4");
    read_provider(cluster);
    read_network(cluster);
    cluster.metrics_server = deployed("/features/metricsServer", "enable");
    cluster.node_local_dns = deployed("/features/nodeLocalDNS");
    cluster.coredns_repository = text("/features/coreDNS/imageRepository");
    read_addons(cluster);
    cluster.machine_controller = deployed("/machineController");
    cluster.operating_system_manager = deployed("/operatingSystemManager");
    cluster.sandbox_image = text("/containerRuntime/containerd/sandboxImage");
    cluster.lists_addons = cluster.lists_addons || items("/helmReleases") > 0;
    cluster.helm_releases = read_helm_releases(*document_, file_);
    return cluster;
  }

 private:
  [[noreturn]] void refuse_field(const std::string& pointer, const std::string& why, const std::string& hint) const {
    throw Error(ErrorCode::selection, fmt::format("{}: {}", place(file_, *document_, pointer), why)).hint(hint);
  }

  /// The value of a JSON pointer without escapes; null if a step on the path is missing. Numbers are indexes.
  const Json& at(const std::string& pointer) const {
    static const Json none;
    const Json* node = &root_;
    std::string passed;
    for (const std::string& key : split(pointer.substr(1), '/')) {
      const auto index = parse_number(key);
      if (index && node->is_array()) {
        node = *index < node->size() ? &(*node)[*index] : &none;
      } else {
        if (!node->is_object() && !node->is_null())
          refuse_field(passed, (passed.empty() ? "the manifest" : key_of(passed)) + " is not a mapping", advice);
        node = &child(*node, key);
      }
      passed += "/" + key;
    }
    return *node;
  }

  std::size_t items(const std::string& pointer) const {
    const Json& list = at(pointer);
    if (!list.is_null() && !list.is_array()) refuse_field(pointer, key_of(pointer) + " is not a list", advice);
    return list.size();
  }

  static std::string key_of(const std::string& pointer) { return pointer.substr(pointer.rfind('/') + 1); }

  std::string text(const std::string& pointer) const {
    const Json& value = at(pointer);
    if (value.is_null()) return {};
    if (value.is_structured()) refuse_field(pointer, key_of(pointer) + " is not a string", advice);
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  std::optional<bool> flag(const std::string& pointer) const {
    const Json& value = at(pointer);
    if (value.is_null()) return std::nullopt;
    if (value.is_boolean()) return value.get<bool>();
    const std::string word = text(pointer);
    if (std::find(yes.begin(), yes.end(), word) != yes.end()) return true;
    if (std::find(no.begin(), no.end(), word) != no.end()) return false;
    refuse_field(pointer, key_of(pointer) + " is neither true nor false",
                 "correct it; kubeone apply would refuse it too");
  }

  /// A pointer in KubeOne's types: absent has a default, present without `deploy` is false.
  std::optional<bool> deployed(const std::string& pointer, const char* key = "deploy") const {
    if (at(pointer).is_null()) return std::nullopt;
    return flag(fmt::format("{}/{}", pointer, key)).value_or(false);
  }

  void read_provider(Cluster& cluster) const {
    const Json& node = at("/cloudProvider");
    if (node.is_null()) return;
    if (!node.is_object()) refuse_field("/cloudProvider", "cloudProvider is not a mapping", advice);
    cluster.external = flag("/cloudProvider/external").value_or(false);
    cluster.disable_bundled_csi_drivers = flag("/cloudProvider/disableBundledCSIDrivers").value_or(false);
    for (const auto& [key, value] : node.items()) {
      if (std::find(provider_settings.begin(), provider_settings.end(), key) != provider_settings.end()) continue;
      if (value.is_null()) continue;  // a nil pointer: not set
      if (!cluster.provider.empty())
        refuse_field("/cloudProvider/" + key,
                     fmt::format("cloudProvider names both {} and {}", cluster.provider, printable(key, 80)),
                     "leave one of them");
      cluster.provider = key == "packet" ? "equinixmetal" : key;
    }
  }

  void read_network(Cluster& cluster) const {
    const Json& cni = at("/clusterNetwork/cni");
    if (cni.is_null()) return;
    if (!cni.is_object()) refuse_field("/clusterNetwork/cni", "cni is not a mapping", advice);
    for (const auto& [key, value] : cni.items()) {
      const std::string pointer = "/clusterNetwork/cni/" + key;
      if (key != "canal" && key != "cilium" && key != "weaveNet" && key != "external")
        refuse_field(pointer, "unknown CNI " + printable(key, 80), "known CNIs: canal, cilium, weaveNet and external");
      if (value.is_null()) continue;
      if (!cluster.cni.empty())
        refuse_field(pointer, fmt::format("cni names both {} and {}", cluster.cni, key), "leave one of them");
      cluster.cni = key;
      cluster.hubble = flag(pointer + "/enableHubble").value_or(false);
      cluster.local_redirect_policy = flag(pointer + "/enableLocalRedirectPolicy").value_or(false);
    }
  }

  void read_addons(Cluster& cluster) const {
    const Json& addons = at("/addons");
    if (addons.is_null()) return;
    cluster.has_addons = true;
    cluster.addons_enable = flag("/addons/enable").value_or(false);
    cluster.addons_path = text("/addons/path");
    for (std::size_t i = 0; i < items("/addons/addons"); ++i) {
      // v1beta3 has {addon: ...} and {helmRelease: ...}, the others the addon itself.
      const std::string entry = fmt::format("/addons/addons/{}", i);
      cluster.lists_addons = true;
      const std::string addon = at(entry + "/addon").is_null() ? entry : entry + "/addon";
      const std::string name = text(addon + "/name");
      if (!name.empty() && !flag(addon + "/delete").value_or(false)) cluster.declared_addons.push_back(name);
    }
  }

  static constexpr const char* advice = "compare with kubeone config print";

  std::shared_ptr<const YamlDocument> document_;
  const Json& root_;
  std::string file_;
};

bool has_group(const std::string& api_version) {
  return std::any_of(api_groups.begin(), api_groups.end(),
                     [&](const char* group) { return api_version.starts_with(group); });
}

}  // namespace

Cluster read_cluster(const std::filesystem::path& file) {
  return parse_cluster(read_text(file, max_manifest), text_name(file));
}

Cluster parse_cluster(std::string_view text, const std::filesystem::path& file) {
  std::vector<std::shared_ptr<const YamlDocument>> found;
  for (YamlDocument& document : manifest_documents(text, file.string())) {
    const Json& api_version = child(document.value, "apiVersion");
    if (is_cluster(document.value) && api_version.is_string() && has_group(api_version.get<std::string>()))
      found.push_back(std::make_shared<const YamlDocument>(std::move(document)));
  }
  if (found.size() == 1) return ManifestReader(found.front(), file.string()).read();
  if (found.empty())
    throw Error(ErrorCode::selection,
                file.string() + ": no KubeOneCluster manifest (apiVersion kubeone.k8c.io/..., kind KubeOneCluster)")
        .hint("give the manifest that kubeone apply takes with -m");
  throw Error(ErrorCode::selection, file.string() + ": more than one KubeOneCluster manifest")
      .hint("give each its own file; --cluster may be repeated");
}

}  // namespace airlock::kubeone
