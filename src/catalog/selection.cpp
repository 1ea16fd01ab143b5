// SPDX-License-Identifier: Apache-2.0
#include "airlock/catalog/selection.hpp"

#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::catalog {

namespace {

constexpr std::array control_plane_images{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"};

std::string known_lines(const Catalog& catalog) {
  std::vector<std::string> lines;
  for (const Release& release : catalog.releases()) lines.push_back(release.line());
  return join(lines, ", ");
}

std::set<Group> parse_filters(const std::vector<std::string>& words) {
  std::set<Group> groups;
  for (const std::string& word : words) {
    if (word == "base")
      groups.insert(Group::base);
    else if (word == "optional")
      groups.insert(Group::optional);
    else if (word == "control-plane")
      groups.insert(Group::control_plane);
    else
      throw Error(ErrorCode::selection, "unknown filter \"" + word + "\"")
          .hint("use any of base, optional, control-plane, separated by commas; no filter takes everything");
  }
  if (groups.empty()) groups = {Group::base, Group::optional, Group::control_plane};
  return groups;
}

Version parse_version(const Catalog& catalog, const std::string& word) {
  if (const auto minor = Minor::parse(word)) {
    if (const auto newest = catalog.newest_patch(*minor)) return *newest;
    throw Error(ErrorCode::selection, "no Kubernetes " + minor->str() + " release is known")
        .hint("known are " + catalog.kubeadm().begin()->first.str() + " to " + catalog.kubeadm().rbegin()->first.str());
  }
  const auto version = Version::parse(word);
  if (!version)
    throw Error(ErrorCode::selection, "\"" + word + "\" is not a Kubernetes version")
        .hint("write v1.29.4, or 1.29 for the newest known patch");
  if (!catalog.kubeadm().contains(*version)) {
    const auto newest = catalog.newest_patch(version->line);
    throw Error(ErrorCode::selection, "Kubernetes " + version->str() + " is not in the catalog")
        .hint(newest ? "the newest known " + version->line.str() + " release is " + newest->str()
                     : "known are " + catalog.kubeadm().begin()->first.str() + " to " +
                           catalog.kubeadm().rbegin()->first.str());
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
  const Release* same_line = patch ? catalog.find_release(patch->line.str()) : nullptr;
  if (release == nullptr && same_line != nullptr)
    throw Error(ErrorCode::selection,
                "of KubeOne " + same_line->line() + ", only " + same_line->version + " is in the catalog")
        .hint("use --kubeone " + same_line->line() + ", or give the images of " + name + " with --catalog DIR");
  if (release == nullptr)
    throw Error(ErrorCode::selection, "unknown KubeOne release \"" + name + "\"")
        .hint("known releases: " + known_lines(catalog));
  for (const Version& version : versions)
    if (!release->kubernetes.contains(version.line))
      throw Error(ErrorCode::selection, "KubeOne " + release->version + " does not support Kubernetes " + version.str())
          .hint("it supports " + release->kubernetes.str() +
                "; leave --kubeone out to have the newest release that fits chosen");
  return *release;
}

const Release& newest_fitting_release(const Catalog& catalog, const std::set<Version>& versions) {
  const auto& releases = catalog.releases();
  const auto fits = [&](const Release& release) {
    return std::all_of(versions.begin(), versions.end(),
                       [&](const Version& version) { return release.kubernetes.contains(version.line); });
  };
  const auto release = std::find_if(releases.rbegin(), releases.rend(), fits);
  if (release != releases.rend()) return *release;
  std::vector<std::string> ranges;
  for (const Release& known : releases) ranges.push_back(known.line() + " (" + known.kubernetes.str() + ")");
  throw Error(ErrorCode::selection, "no KubeOne release supports all requested Kubernetes versions")
      .hint("make one bundle per release; known releases and what they support: " + join(ranges, ", "));
}

/// As KubeOne does: every patch release of every supported minor (pkg/cmd/mirror-images.go, defaultVersions).
std::set<Version> all_supported(const Catalog& catalog, const Release& release) {
  std::set<Version> versions;
  for (const auto& [version, images] : catalog.kubeadm())
    if (release.kubernetes.contains(version.line)) versions.insert(version);
  return versions;
}

/// Collects images with the reasons for them.
class Collector {
 public:
  explicit Collector(ImageSet& set) : set_(set) {}

  void add(const oci::Reference& image, const std::string& component, const std::string& group) {
    Reason& reason = set_.images[image];
    reason.components.insert(component);
    reason.groups.insert(group);
  }

  void add_control_plane(const Version& version, const KubeadmImages& kubeadm, const Release& release) {
    const std::string group = to_string(Group::control_plane);
    const std::string registry = "registry.k8s.io/";
    for (const char* name : control_plane_images)
      add(oci::Reference::parse(registry + name + ":" + version.str()), name, group);
    add(oci::Reference::parse(registry + kubeadm.coredns), "coredns", group);
    add(oci::Reference::parse(registry + "etcd:" + kubeadm.etcd), "etcd", group);
    add(oci::Reference::parse(registry + "pause:" + kubeadm.pause), "pause", group);
    for (const RangedImage& sandbox : release.sandbox_images)
      if (sandbox.range.contains(version.line)) add(sandbox.image, "sandbox", group);
  }

  void add_components(const Version& version, const Release& release, const std::set<Group>& groups) {
    for (const Component& component : release.components)
      if (groups.contains(component.group))
        for (const RangedImage& ranged : component.images)
          if (ranged.range.contains(version.line)) add(ranged.image, component.name, to_string(component.group));
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
      throw Error(ErrorCode::selection, "--exclude \"" + glob + "\" matches no image of the set")
          .hint("it is matched against the whole reference, for example quay.io/calico/*; see airlock list");
  }
}

}  // namespace

ImageSet select(const Catalog& catalog, const SelectionRequest& request) {
  ImageSet set;
  Collector collector(set);
  const bool own_images_only = !request.images.empty() && request.filters.empty() &&
                               request.kubernetes_versions.empty() && request.kubeone.empty();
  if (!own_images_only) {
    const auto groups = parse_filters(request.filters);
    auto versions = parse_versions(catalog, request.kubernetes_versions);
    const Release& release = request.kubeone.empty() ? newest_fitting_release(catalog, versions)
                                                     : named_release(catalog, request.kubeone, versions);
    if (versions.empty()) versions = all_supported(catalog, release);
    set.kubeone = release.version;
    for (const Group group : groups) set.filters.push_back(to_string(group));
    for (const Version& version : versions) {
      set.kubernetes_versions.push_back(version.str());
      collector.add_control_plane(version, catalog.kubeadm().at(version), release);
      collector.add_components(version, release, groups);
    }
  }
  for (const std::string& image : request.images) collector.add(oci::Reference::parse(image), "image", "extra");
  exclude(set, request.exclude);
  if (set.images.empty()) throw Error(ErrorCode::selection, "the selection leaves no image");
  return set;
}

std::vector<std::string> read_images_file(const std::string& content) {
  std::vector<std::string> images;
  for (const std::string& line : split(content, '\n')) {
    const auto text = trim(std::string_view(line).substr(0, line.find('#')));
    if (!text.empty()) images.emplace_back(text);
  }
  return images;
}

}  // namespace airlock::catalog
