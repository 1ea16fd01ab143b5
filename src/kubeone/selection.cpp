// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::array control_plane_images{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"};

std::string known_lines(const Catalog& catalog) { return join(catalog.lines(), ", "); }

std::set<Group> parse_filters(const std::vector<std::string>& words) {
  std::set<Group> groups;
  if (words == std::vector<std::string>{"none"}) return parse_filters({});  // no filter, in mirror-images
  for (const std::string& word : words) {
    if (word == "base")
      groups.insert(Group::base);
    else if (word == "optional")
      groups.insert(Group::optional);
    else if (word == "control-plane")
      groups.insert(Group::control_plane);
    else
      throw Error(ErrorCode::selection, fmt::format("unknown filter \"{}\"", word))
          .hint(
              "use any of base, optional, control-plane, separated by commas; no filter, or only none, "
              "selects everything");
  }
  if (groups.empty()) groups = {Group::base, Group::optional, Group::control_plane};
  return groups;
}

Version parse_version(const Catalog& catalog, const std::string& word) {
  if (const auto minor = Minor::parse(word)) {
    if (const auto newest = catalog.newest_patch(*minor)) return *newest;
    throw Error(ErrorCode::selection, fmt::format("no Kubernetes {} release is known", minor->str()))
        .hint(fmt::format("known versions: {} to {}", catalog.kubeadm().begin()->first.str(),
                          catalog.kubeadm().rbegin()->first.str()));
  }
  const auto version = Version::parse(word);
  if (!version)
    throw Error(ErrorCode::selection, fmt::format("\"{}\" is not a Kubernetes version", word))
        .hint("write v1.29.4, 1.29 for the newest known patch, or v1.30.0-rc.1 with --look-up");
  if (!catalog.kubeadm().contains(*version)) {
    const auto newest = catalog.newest_patch(version->line);
    throw Error(ErrorCode::selection, fmt::format("Kubernetes {} is not in the catalog", version->str()))
        .hint((newest ? fmt::format("the newest known {} release is {}", version->line.str(), newest->str())
                      : fmt::format("known versions: {} to {}", catalog.kubeadm().begin()->first.str(),
                                    catalog.kubeadm().rbegin()->first.str())) +
              "; with --look-up, its images are read from kubeadm's source on the connected side");
  }
  return *version;
}

std::set<Version> parse_versions(const Catalog& catalog, const std::vector<std::string>& words) {
  std::set<Version> versions;
  for (const std::string& word : words) versions.insert(parse_version(catalog, word));
  return versions;
}

const Release& named_release(const Catalog& catalog, const std::string& name, const std::set<Version>& versions) {
  const Release* release = catalog.find_release(name);
  const auto patch = Version::parse(name);
  const auto known = patch ? catalog.patches(patch->line.str()) : std::vector<std::string>();
  if (release == nullptr && !known.empty())
    throw Error(ErrorCode::selection, fmt::format("KubeOne {} is not in the catalog", patch->str()))
        .hint(fmt::format("of {} it has {}; a newer airlock may have more, or use --catalog DIR", patch->line.str(),
                          join(known, ", ")));
  if (release == nullptr)
    throw Error(ErrorCode::selection, fmt::format("unknown KubeOne release \"{}\"", printable(name, 80)))
        .hint("known releases: " + known_lines(catalog));
  for (const Version& version : versions)
    if (!release->kubernetes.contains(version.line))
      throw Error(ErrorCode::selection,
                  fmt::format("KubeOne {} does not support Kubernetes {}", release->version, version.str()))
          .hint(fmt::format("it supports {}; omit --kubeone to use the newest release that fits",
                            release->kubernetes.str()));
  return *release;
}

bool fits(const Release& release, const std::set<Version>& versions, const std::set<std::string>& api_versions) {
  return std::all_of(versions.begin(), versions.end(),
                     [&](const Version& version) { return release.kubernetes.contains(version.line); }) &&
         std::all_of(api_versions.begin(), api_versions.end(),
                     [&](const std::string& api) { return release.rules.contains(api); });
}

const Release& newest_fitting_release(const Catalog& catalog, const std::set<Version>& versions,
                                      const std::set<std::string>& api_versions) {
  const auto lines = catalog.lines();
  auto newest_first = lines;
  std::reverse(newest_first.begin(), newest_first.end());
  for (const std::string& line : newest_first)
    if (const Release* release = catalog.find_release(line); fits(*release, versions, api_versions)) return *release;
  std::vector<std::string> ranges;
  for (const std::string& line : lines) {
    const Release& release = *catalog.find_release(line);
    if (fits(release, versions, {})) {
      const std::vector<std::string> wanted(api_versions.begin(), api_versions.end());
      throw Error(ErrorCode::selection, "no KubeOne release that supports the Kubernetes version loads manifests of " +
                                            printable(join(wanted, ", "), 160))
          .hint("migrate the manifest to a newer apiVersion: kubeone config migrate");
    }
    ranges.push_back(fmt::format("{} ({})", line, release.kubernetes.str()));
  }
  throw Error(ErrorCode::selection, "no KubeOne release supports all requested Kubernetes versions")
      .hint("make one bundle per release; known releases and what they support: " + join(ranges, ", "));
}

/// As KubeOne does: every patch release of every supported minor (pkg/cmd/mirror-images.go, defaultVersions).
std::set<Version> all_supported(const Catalog& catalog, const Release& release) {
  std::set<Version> versions;
  for (const auto& [version, images] : catalog.kubeadm())
    if (version.pre_release.empty() && release.kubernetes.contains(version.line)) versions.insert(version);
  return versions;
}

/// Collects images with the reasons for them.
class Collector {
 public:
  explicit Collector(ImageSet& set) : set_(set) {}

  void add(const oci::Reference& image, const std::string& component, const std::string& group,
           const std::string& why = "") {
    Reason& reason = set_.images[image];
    reason.components.insert(component);
    reason.groups.insert(group);
    if (!why.empty()) reason.why.insert(why);
  }

  /// `cluster` may be null: any cluster of this version.
  void add_control_plane(const Version& version, const KubeadmImages& kubeadm, const Release& release,
                         const ClusterRequest* cluster) {
    const std::string group = to_string(Group::control_plane);
    const std::string registry = "registry.k8s.io/";
    const std::string why =
        cluster == nullptr ? "" : fmt::format("cluster {}: Kubernetes {}", cluster->name, version.str());
    for (const char* name : control_plane_images)
      add(oci::Reference::parse(fmt::format("{}{}:{}", registry, name, version.str())), name, group, why);
    const auto coredns = oci::Reference::parse(registry + kubeadm.coredns);
    if (cluster == nullptr || cluster->coredns_repository.empty())
      add(coredns, "coredns", group, why);
    else
      add(oci::Reference::parse(fmt::format("{}/coredns:{}", cluster->coredns_repository, coredns.tag.value().str())),
          "coredns", group, fmt::format("cluster {}: features.coreDNS.imageRepository", cluster->name));
    add(oci::Reference::parse(fmt::format("{}etcd:{}", registry, kubeadm.etcd)), "etcd", group, why);
    add(oci::Reference::parse(fmt::format("{}pause:{}", registry, kubeadm.pause)), "pause", group, why);
    if (cluster != nullptr && !cluster->sandbox_image.empty()) {
      add(oci::Reference::parse(cluster->sandbox_image), "sandbox", group,
          fmt::format("cluster {}: containerRuntime.containerd.sandboxImage", cluster->name));
      return;
    }
    for (const RangedImage& sandbox : release.sandbox_images)
      if (sandbox.range.contains(version.line)) add(sandbox.image, "sandbox", group, why);
  }

  void add_components(const Version& version, const Release& release, const std::set<Group>& groups) {
    for (const Component& component : release.components)
      if (groups.contains(component.group))
        for (const RangedImage& ranged : component.images)
          if (ranged.range.contains(version.line)) add(ranged.image, component.name, to_string(component.group));
  }

  /// What these addons deploy; each comes with its reason.
  void add_addons(const Version& version, const Release& release, const std::map<std::string, std::string>& addons,
                  const std::string& prefix, bool hubble = true) {
    for (const Component& component : release.components)
      for (const std::string& addon : component.addons) {
        const auto wanted = addons.find(addon);
        if (wanted == addons.end() || (component.only_with_hubble && !hubble)) continue;
        for (const RangedImage& ranged : component.images)
          if (ranged.range.contains(version.line))
            add(ranged.image, component.name, to_string(component.group), prefix + wanted->second);
      }
    for (const auto* list : {&release.addon_images, &release.literal_images})
      for (const AddonImage& written : *list) {
        const auto wanted = addons.find(written.addon);
        if (wanted != addons.end())
          add(written.image, written.addon, to_string(Group::optional), prefix + wanted->second);
      }
  }

 private:
  ImageSet& set_;
};

void exclude(ImageSet& set, const std::vector<std::string>& globs) {
  for (const std::string& glob : globs) {
    const auto removed = std::erase_if(set.images, [&](const auto& image) {
      return glob_match(glob, image.first.str()) || glob_match(glob, image.first.name());
    });
    if (removed == 0)
      throw Error(ErrorCode::selection, fmt::format("--exclude \"{}\" matches no image in the set", glob))
          .hint("the pattern is matched against the whole reference, for example quay.io/calico/*; see airlock list");
  }
}

/// The addons that the request names, directly or by cloud provider, with their reasons.
std::map<std::string, std::string> requested_addons(const Release& release, const SelectionRequest& request) {
  std::map<std::string, std::string> addons;
  const std::set<std::string> known = release.addon_names();
  for (const std::string& addon : request.addons) {
    if (!known.contains(addon))
      throw Error(ErrorCode::selection, fmt::format("KubeOne {} has no addon \"{}\"", release.version, addon))
          .hint("known addons: " + join({known.begin(), known.end()}, ", "));
    addons.emplace(addon, "addon " + addon);
  }
  if (request.cloud_provider.empty()) return addons;
  const auto provider = release.cloud_providers.find(request.cloud_provider);
  if (provider == release.cloud_providers.end()) {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : release.cloud_providers) names.push_back(name);
    throw Error(ErrorCode::selection,
                fmt::format("KubeOne {} has no cloud provider \"{}\"", release.version, request.cloud_provider))
        .hint("known providers: " + join(names, ", "));
  }
  for (const std::string& addon : provider->second)
    addons.emplace(addon, fmt::format("cloud provider {}: {}", request.cloud_provider, addon));
  return addons;
}

void refuse_contradictions(const SelectionRequest& request) {
  if (request.clusters.empty()) return;
  const char* option = !request.filters.empty()               ? "--filter"
                       : !request.kubernetes_versions.empty() ? "--kubernetes-versions"
                                                              : nullptr;
  if (option != nullptr)
    throw Error(ErrorCode::selection, fmt::format("--cluster and {} contradict each other", option))
        .hint("a manifest determines its Kubernetes version and images; --addon, --image and --exclude may be added");
}

class Selector {
 public:
  Selector(const Catalog& catalog, const SelectionRequest& request)
      : catalog_(catalog), request_(request), collector_(set_) {}

  ImageSet run() {
    refuse_contradictions(request_);
    if (!request_.clusters.empty())
      select_clusters();
    else if (!own_images_only())
      select_groups();
    for (const std::string& image : request_.images) collector_.add(oci::Reference::parse(image), "image", "extra");
    for (const ExtraImage& extra : request_.extras)
      collector_.add(extra.reference, extra.component, extra.group, extra.why);
    exclude(set_, request_.exclude);
    if (set_.images.empty() && !request_.own)
      throw Error(ErrorCode::selection, "the selection is empty").hint("check the patterns of --exclude");
    return std::move(set_);
  }

 private:
  bool own_images_only() const {
    return (request_.own || !request_.images.empty() || !request_.extras.empty()) && request_.filters.empty() &&
           request_.kubernetes_versions.empty() && request_.kubeone.empty() && request_.addons.empty() &&
           request_.cloud_provider.empty();
  }

  void add_version(const Version& version) {
    if (set_.kubernetes_versions.empty() || set_.kubernetes_versions.back() != version.str())
      set_.kubernetes_versions.push_back(version.str());
  }

  void select_groups() {
    auto versions = parse_versions(catalog_, request_.kubernetes_versions);
    const Release& release = choose_release(catalog_, request_.kubeone, request_.kubernetes_versions);
    if (versions.empty()) versions = all_supported(catalog_, release);
    const auto addons = requested_addons(release, request_);
    // If addons or a provider are named, only these are added to the group base.
    const bool narrowed = request_.filters.empty() && !addons.empty();
    const auto groups = parse_filters(narrowed ? std::vector<std::string>{"base"} : request_.filters);
    set_.kubeone = release.version;
    for (const Group group : groups) set_.filters.push_back(to_string(group));
    for (const Version& version : versions) {
      add_version(version);
      collector_.add_control_plane(version, catalog_.kubeadm().at(version), release, nullptr);
      collector_.add_components(version, release, groups);
      collector_.add_addons(version, release, addons, "");
    }
  }

  void select_clusters() {
    std::vector<std::string> words;
    for (const ClusterRequest& cluster : request_.clusters) words.push_back(cluster.kubernetes_version);
    const Release& release = choose_release(catalog_, request_.kubeone, words);
    set_.kubeone = release.version;
    for (const Version& version : parse_versions(catalog_, words)) add_version(version);
    // The provider comes from the manifests; only --addon adds to them here.
    const auto addons = requested_addons(release, {.addons = request_.addons});
    for (const ClusterRequest& cluster : request_.clusters) {
      const Version version = parse_version(catalog_, cluster.kubernetes_version);
      const std::string prefix = fmt::format("cluster {}: ", cluster.name);
      collector_.add_control_plane(version, catalog_.kubeadm().at(version), release, &cluster);
      collector_.add_addons(version, release, cluster.addons, prefix, cluster.hubble);
      collector_.add_addons(version, release, addons, "");
      for (const auto& [image, why] : cluster.images)
        collector_.add(oci::Reference::parse(image), "addon manifest", "extra", prefix + why);
    }
  }

  const Catalog& catalog_;
  const SelectionRequest& request_;
  ImageSet set_;
  Collector collector_;
};

}  // namespace

const Release& choose_release(const Catalog& catalog, const std::string& name,
                              const std::vector<std::string>& kubernetes_versions,
                              const std::set<std::string>& api_versions) {
  const auto versions = parse_versions(catalog, kubernetes_versions);
  return name.empty() ? newest_fitting_release(catalog, versions, api_versions)
                      : named_release(catalog, name, versions);
}

std::vector<std::string> fitting_lines(const Catalog& catalog, const std::vector<std::string>& kubernetes_versions,
                                       const std::set<std::string>& api_versions) {
  const auto versions = parse_versions(catalog, kubernetes_versions);
  std::vector<std::string> lines = catalog.lines();
  std::erase_if(lines,
                [&](const std::string& line) { return !fits(*catalog.find_release(line), versions, api_versions); });
  return lines;
}

std::vector<std::string> notes_on_versions(const Catalog& catalog, const std::vector<std::string>& words) {
  std::vector<std::string> notes;
  for (const std::string& word : words) {
    const auto minor = Minor::parse(word);
    const auto newest = minor ? catalog.newest_patch(*minor) : std::nullopt;
    if (newest && newest->patch > 0)
      notes.push_back(
          fmt::format("Kubernetes {}: {} is used, the newest known patch; KubeOne itself uses v{}.0 for this: "
                      "write v{}.0 to get that",
                      word, newest->str(), minor->str(), minor->str()));
  }
  return notes;
}

std::vector<Version> unknown_versions(const Catalog& catalog, const std::vector<std::string>& words) {
  std::vector<Version> unknown;
  for (const std::string& word : words) {
    const auto version = Version::parse(word);
    if (version && !catalog.kubeadm().contains(*version)) unknown.push_back(*version);
  }
  return unknown;
}

ImageSet select(const Catalog& catalog, const SelectionRequest& request) { return Selector(catalog, request).run(); }

}  // namespace airlock::kubeone
