// SPDX-License-Identifier: Apache-2.0
// Interprets a release's rules (kubeone/rules.hpp), which describe pkg/addons/ensure.go of that release.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/image_references.hpp"

namespace airlock::kubeone {

namespace {

namespace fs = std::filesystem;

class Deployment {
 public:
  Deployment(const Cluster& cluster, const Release& release, const Rules& rules, std::string provider)
      : cluster_(cluster),
        release_(release),
        rules_(rules),
        kubernetes_(Minor::parse(cluster.kubernetes_version)),
        provider_(std::move(provider)) {
    if (const auto version = Version::parse(cluster.kubernetes_version)) kubernetes_ = version->line;
    request_.name = cluster.name.empty() ? cluster.origin : cluster.name;
    request_.kubernetes_version = cluster.kubernetes_version;
    request_.hubble = cluster.hubble;
  }

  ClusterRequest run(std::vector<std::string>& warnings) {
    add_features();
    add_cni();
    add_provider();
    if (addons_count()) {
      find_directory(warnings);
      add_declared(warnings);
      add_directory(warnings);
    } else {
      add_disabled(warnings);
    }
    request_.sandbox_image = cluster_.sandbox_image;
    request_.coredns_repository = cluster_.coredns_repository;
    return std::move(request_);
  }

 private:
  void add(const std::string& addon, const std::string& why) { request_.addons.emplace(addon, why); }

  void add_features() {
    const auto by_setting = [&](const std::optional<bool>& setting, bool default_on, const std::string& addon,
                                const std::string& key) {
      const bool on = setting.value_or(default_on);
      if (on) add(addon, setting ? key : key + " (default)");
      return on;
    };
    const auto by_default = [&](const char* addon) { return rules_.default_addons.contains(addon); };
    by_setting(cluster_.metrics_server, by_default("metrics-server"), "metrics-server", "features.metricsServer");
    by_setting(cluster_.node_local_dns, by_default("nodelocaldns"), "nodelocaldns", "features.nodeLocalDNS");
    const bool machines =
        by_setting(cluster_.machine_controller, rules_.machine_controller_without_provider || provider_ != "none",
                   "machinecontroller", "machineController");
    const bool manager = rules_.operating_system_manager == DefaultManager::always ||
                         (rules_.operating_system_manager == DefaultManager::with_machine_controller && machines);
    by_setting(cluster_.operating_system_manager, manager, "operating-system-manager", "operatingSystemManager");
  }

  void add_cni() {
    const std::string cni = cluster_.cni.empty() ? "canal" : cluster_.cni;
    const auto addons = rules_.cni.find(cni);
    if (addons == rules_.cni.end())
      throw Error(ErrorCode::selection,
                  fmt::format("{}: KubeOne {} has no CNI {}", cluster_.origin, release_.version, cni))
          .hint("choose another CNI, or another release with --kubeone");
    for (const std::string& addon : addons->second)
      add(addon, fmt::format("cni {}{}", cni,
                             cluster_.cni.empty() ? " (default)"
                             : cluster_.hubble    ? ", enableHubble"
                                                  : ""));
    if (!cluster_.local_redirect_policy) return;
    for (const std::string& addon : rules_.local_redirect_policy) add(addon, "cni cilium, enableLocalRedirectPolicy");
  }

  bool external_by_default() const {
    const auto& rule = rules_.external_by_default;
    return rule && !rule->except.contains(provider_) && (!rule->from || !kubernetes_ || *kubernetes_ >= *rule->from);
  }

  void add_provider() {
    const auto known = release_.cloud_providers.find(provider_);
    if (known == release_.cloud_providers.end()) refuse_provider();
    const bool forced = external_by_default();
    const bool external = cluster_.external || forced;
    const bool csi = !cluster_.disable_bundled_csi_drivers && has_csi(external);
    for (const std::string& addon : known->second) {
      if (addon.starts_with("ccm-") && external)
        add(addon, fmt::format("cloudProvider {}{}", provider_,
                               forced && !cluster_.external ? " (external by default)" : ", external"));
      if (addon.starts_with("csi-") && csi) add(addon, fmt::format("cloudProvider {}, bundled CSI drivers", provider_));
    }
  }

  [[noreturn]] void refuse_provider() const {
    std::vector<std::string> names;
    for (const auto& [name, addons] : release_.cloud_providers) names.push_back(name);
    throw Error(ErrorCode::selection,
                cluster_.origin + (provider_.empty() ? ": no cloud provider given"
                                                     : fmt::format(": KubeOne {} has no cloud provider {}",
                                                                   release_.version, printable(provider_, 80))))
        .hint((provider_.empty() ? "if it comes from Terraform output, give it with --cloud-provider: "
                                 : "known providers: ") +
              join(names, ", "));
  }

  bool has_csi(bool external) const {
    const auto limit = rules_.csi_needs_external.find(provider_);
    if (external || limit == rules_.csi_needs_external.end()) return true;
    return limit->second && (!kubernetes_ || *kubernetes_ >= *limit->second);
  }

  /// Whether the manifest's addons are deployed at all (pkg/tasks/tasks.go).
  bool addons_count() const { return cluster_.has_addons && (!rules_.obeys_addons_enable || cluster_.addons_enable); }

  void find_directory(std::vector<std::string>& warnings) {
    const std::string path = cluster_.addons_path.empty() ? rules_.default_addons_path : cluster_.addons_path;
    if (path.empty()) return;
    if (rules_.path_needs_addons && !cluster_.lists_addons) {
      warnings.push_back(
          fmt::format("{}: KubeOne {} ignores addons.path if no addon is declared, so its images are not in the set",
                      cluster_.origin, release_.version));
      return;
    }
    const fs::path directory = fs::path(cluster_.origin).parent_path() / path;
    if (!fs::is_directory(directory)) {
      if (!cluster_.addons_path.empty())
        warnings.push_back(
            fmt::format("{}: addons.path {} does not exist, so the images of its manifests are not in the set",
                        cluster_.origin, directory.string()));
      return;
    }
    directory_ = directory;
    for (const auto& entry : fs::directory_iterator(directory_))
      if (entry.is_directory()) folders_.insert(entry.path().filename().string());
  }

  void add_declared(std::vector<std::string>& warnings) {
    const std::set<std::string> known = release_.addon_names();
    for (const std::string& name : cluster_.declared_addons) {
      if (folders_.contains(name))
        warnings.push_back(fmt::format("{}: addon {} is taken from {}, not from KubeOne", cluster_.origin,
                                       printable(name, 80), (directory_ / name).string()));
      else if (!known.contains(name) && (!cluster_.addons_path.empty() && directory_.empty()))
        warnings.push_back(fmt::format("{}: addon {} is not one of KubeOne's, so its images are not in the set",
                                       cluster_.origin, printable(name, 80)));
      else if (!known.contains(name))
        throw Error(ErrorCode::selection, fmt::format("{}: KubeOne {} has no addon {}", cluster_.origin,
                                                      release_.version, printable(name, 80)))
            .hint("known addons: " + join({known.begin(), known.end()}, ", "));
      if (!rules_.declaring_deploys_not.contains(name)) add(name, "addons: declared");
    }
  }

  /// Declared, and addons.enable is not set: this release will not deploy them (pkg/tasks/tasks.go). Newer releases do,
  /// and a user who sets it later has no network to fetch the images, so they are included.
  void add_disabled(std::vector<std::string>& warnings) {
    const std::set<std::string> known = release_.addon_names();
    for (const std::string& name : cluster_.declared_addons) {
      if (!known.contains(name) || rules_.declaring_deploys_not.contains(name)) continue;
      add(name, "addons: declared, though not enabled");
      warnings.push_back(
          fmt::format("{}: addon {} is declared, but KubeOne {} deploys addons only with addons.enable: true; its "
                      "images are included in case it is set later",
                      cluster_.origin, name, release_.version));
    }
  }

  /// KubeOne applies the files at the root of addons.path and directly in its directories. A directory with the name of
  /// an addon that is deployed replaces it; others are addons of their own (EnsureAddonByName, EnsureUserAddons).
  void add_directory(std::vector<std::string>& warnings) {
    if (directory_.empty()) return;
    add_files(directory_, warnings);
    for (const std::string& name : folders_) {
      const bool deployed = request_.addons.erase(name) > 0;
      if (deployed || !rules_.directory_deploys_not.contains(name)) add_files(directory_ / name, warnings);
    }
  }

  void add_files(const fs::path& folder, std::vector<std::string>& warnings) {
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      std::string extension = entry.path().extension().string();
      std::transform(extension.begin(), extension.end(), extension.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      if (!entry.is_directory() && (extension == ".yaml" || extension == ".yml" || extension == ".json"))
        files.insert(entry.path());
    }
    for (const fs::path& file : files) {
      const FoundImages found = find_images_in(file);
      for (const auto& [image, where] : found.images) request_.images.emplace(image, "addons.path, " + where);
      for (const std::string& line : found.unreadable)
        warnings.push_back(line + " (no YAML, as it stands: its lines are searched)");
      for (const std::string& line : found.unresolved)
        warnings.push_back("this image is known only after rendering; add it with --image: " + line);
      for (const Suspect& suspect : found.suspects)
        warnings.push_back(fmt::format("{}: {} looks like an image ({}), and is not taken; --image takes it",
                                       suspect.where, suspect.text, suspect.why));
    }
  }

  const Cluster& cluster_;
  const Release& release_;
  const Rules& rules_;
  std::optional<Minor> kubernetes_;
  std::string provider_;
  fs::path directory_;             // addons.path, if it applies and exists
  std::set<std::string> folders_;  // in it
  ClusterRequest request_;
};

}  // namespace

ClusterRequest deployment_of(const Cluster& cluster, const Release& release, const std::string& provider,
                             std::vector<std::string>& warnings) {
  if (!provider.empty() && !cluster.provider.empty() && provider != cluster.provider)
    throw Error(ErrorCode::selection, fmt::format("{}: its cloud provider is {}, but --cloud-provider says {}",
                                                  cluster.origin, cluster.provider, provider))
        .hint("omit --cloud-provider; it is for manifests that name none");
  const auto rules = release.rules.find(cluster.api_version);
  if (rules == release.rules.end())
    throw Error(ErrorCode::selection, fmt::format("{}: KubeOne {} does not load {}", cluster.origin, release.version,
                                                  printable(cluster.api_version, 80)))
        .hint("migrate the manifest: kubeone config migrate, with a release that loads it");
  return Deployment(cluster, release, rules->second, cluster.provider.empty() ? provider : cluster.provider)
      .run(warnings);
}

}  // namespace airlock::kubeone
