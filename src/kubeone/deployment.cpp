// SPDX-License-Identifier: Apache-2.0
// pkg/addons/ensure.go of each KubeOne release, as rules.
#include <algorithm>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/image_references.hpp"

namespace airlock::kubeone {

namespace {

/// Deployed by other settings; declaring them only passes parameters (embeddedAddons).
bool is_automatic(const std::string& addon) {
  if (addon == "csi-vault-secret-provider") return false;
  return addon.starts_with("ccm-") || addon.starts_with("cni-") || addon.starts_with("csi-") ||
         addon.starts_with("nodelocaldns") || addon == "metrics-server";
}

class Deployment {
 public:
  Deployment(const Cluster& cluster, const catalog::Release& release, std::string provider)
      : cluster_(cluster),
        release_(release),
        line_(catalog::Version::parse(release.version)->line),
        kubernetes_(catalog::Minor::parse(cluster.kubernetes_version)),
        provider_(std::move(provider)) {
    if (const auto version = catalog::Version::parse(cluster.kubernetes_version)) kubernetes_ = version->line;
    request_.name = cluster.name.empty() ? cluster.origin : cluster.name;
    request_.kubernetes_version = cluster.kubernetes_version;
  }

  catalog::ClusterRequest run(std::vector<std::string>& warnings) {
    add_features();
    add_cni();
    add_provider();
    add_declared(warnings);
    add_directory(warnings);
    request_.sandbox_image = cluster_.sandbox_image;
    request_.coredns_repository = cluster_.coredns_repository;
    for (const std::string& chart : cluster_.helm_releases)
      warnings.push_back(cluster_.origin + ": the images of the Helm chart " + printable(chart, 80) +
                         " are not in the set; add them with: helm template ... | airlock ... --from-manifests -");
    return std::move(request_);
  }

 private:
  void add(const std::string& addon, const std::string& why) { request_.addons.emplace(addon, why); }

  void add_features() {
    const auto unless_off = [&](const std::optional<bool>& setting, const std::string& addon, const std::string& key) {
      if (setting.value_or(true)) add(addon, setting ? key : key + " (default)");
      return setting.value_or(true);
    };
    unless_off(cluster_.metrics_server, "metrics-server", "features.metricsServer");
    unless_off(cluster_.node_local_dns, "nodelocaldns", "features.nodeLocalDNS");
    // Since 1.8 the default is off without a cloud provider (SetDefaults_MachineController).
    const bool default_on = line_ < catalog::Minor{1, 8} || provider_ != "none";
    const bool machines = cluster_.machine_controller.value_or(default_on);
    if (machines)
      add("machinecontroller", cluster_.machine_controller ? "machineController" : "machineController (default)");
    if (cluster_.operating_system_manager.value_or(machines))
      add("operating-system-manager",
          cluster_.operating_system_manager ? "operatingSystemManager" : "operatingSystemManager (default)");
  }

  void add_cni() {
    if (cluster_.cni.empty()) add("cni-canal", "cni canal (default)");
    if (cluster_.cni == "canal") add("cni-canal", "cni canal");
    if (cluster_.cni == "weaveNet") add("cni-weavenet", "cni weaveNet");
    if (cluster_.cni != "cilium") return;
    add("cni-cilium", "cni cilium");
    if (cluster_.local_redirect_policy) add("nodelocaldns-cilium", "cni cilium, enableLocalRedirectPolicy");
  }

  void add_provider() {
    const auto known = release_.cloud_providers.find(provider_);
    if (known == release_.cloud_providers.end()) {
      std::vector<std::string> names;
      for (const auto& [name, addons] : release_.cloud_providers) names.push_back(name);
      throw Error(ErrorCode::selection,
                  cluster_.origin + (provider_.empty() ? ": it names no cloud provider"
                                                       : ": KubeOne " + release_.version + " knows no cloud provider " +
                                                             printable(provider_, 80)))
          .hint((provider_.empty() ? "where terraform's output names it, give it with --cloud-provider: "
                                   : "known are ") +
                join(names, ", "));
    }
    // Since 1.13 external, with two exceptions (SetDefaults_CloudProvider).
    const bool forced = line_ >= catalog::Minor{1, 13} && provider_ != "none" && provider_ != "vmwareCloudDirector";
    const bool external = cluster_.external || forced;
    const bool csi = !cluster_.disable_bundled_csi_drivers && has_csi(external);
    for (const std::string& addon : known->second) {
      if (addon.starts_with("ccm-") && external)
        add(addon,
            "cloudProvider " + provider_ + (forced && !cluster_.external ? " (external by default)" : ", external"));
      if (addon.starts_with("csi-") && csi) add(addon, "cloudProvider " + provider_ + ", bundled CSI drivers");
    }
  }

  bool has_csi(bool external) const {
    if (provider_ == "vsphere") return external;
    const bool migrated = provider_ == "aws" || provider_ == "azure" || provider_ == "gce";
    if (line_ <= catalog::Minor{1, 5} && migrated)
      return external || !kubernetes_ || *kubernetes_ >= catalog::Minor{1, 23};
    return true;
  }

  void add_declared(std::vector<std::string>& warnings) {
    const std::set<std::string> known = release_.addon_names();
    for (const std::string& name : cluster_.declared_addons) {
      const bool local =
          !cluster_.addons_directory.empty() && std::filesystem::is_directory(cluster_.addons_directory / name);
      if (local) {
        warnings.push_back(cluster_.origin + ": addon " + name + " is taken from " +
                           (cluster_.addons_directory / name).string() + ", not from KubeOne");
        continue;
      }
      if (!known.contains(name))
        throw Error(ErrorCode::selection,
                    cluster_.origin + ": KubeOne " + release_.version + " has no addon " + printable(name, 80))
            .hint("known are " + join({known.begin(), known.end()}, ", "));
      if (!is_automatic(name)) add(name, "addons: declared");
    }
  }

  void add_directory(std::vector<std::string>& warnings) {
    if (cluster_.addons_directory.empty()) return;
    if (!std::filesystem::is_directory(cluster_.addons_directory)) {
      warnings.push_back(cluster_.origin + ": addons.path " + cluster_.addons_directory.string() +
                         " is not here, so the images of its manifests are not in the set");
      return;
    }
    const FoundImages found = find_images_in(cluster_.addons_directory);
    for (const auto& [image, where] : found.images) request_.images.emplace(image, "addons.path, " + where);
    for (const std::string& line : found.unresolved)
      warnings.push_back("only rendering tells this image; add it with --image: " + line);
    // A directory with an embedded addon's name replaces that addon (EnsureAddonByName).
    std::erase_if(request_.addons, [&](const auto& addon) {
      return std::filesystem::is_directory(cluster_.addons_directory / addon.first);
    });
  }

  const Cluster& cluster_;
  const catalog::Release& release_;
  catalog::Minor line_;
  std::optional<catalog::Minor> kubernetes_;
  std::string provider_;
  catalog::ClusterRequest request_;
};

}  // namespace

catalog::ClusterRequest deployment_of(const Cluster& cluster, const catalog::Release& release,
                                      const std::string& provider, std::vector<std::string>& warnings) {
  if (!provider.empty() && !cluster.provider.empty() && provider != cluster.provider)
    throw Error(ErrorCode::selection, cluster.origin + ": its cloud provider is " + cluster.provider +
                                          ", but --cloud-provider says " + provider)
        .hint("leave --cloud-provider out; it is for manifests that name none");
  return Deployment(cluster, release, cluster.provider.empty() ? provider : cluster.provider).run(warnings);
}

}  // namespace airlock::kubeone
