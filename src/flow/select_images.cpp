// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/select_images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/image_list.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "airlock/registry/client.hpp"
#include "flow/found_images.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_images_file = 16U << 20;

void look_up(kubeone::Catalog& catalog, const std::vector<std::string>& words, const ImageSelection& selection,
             Reporter& reporter) {
  if (selection.look_up_url.empty()) return;
  constexpr std::string_view placeholder = "{version}";
  const auto at = selection.look_up_url.find(placeholder);
  if (at == std::string::npos)
    throw Error(ErrorCode::usage, fmt::format("--look-up-url {} has no {{version}} in it", selection.look_up_url))
        .hint(std::string("the default is ") + kubeadm_constants_url);
  registry::Client client(selection.client, reporter);
  for (const kubeone::Version& version : kubeone::unknown_versions(catalog, words)) {
    std::string url = selection.look_up_url;
    url.replace(at, placeholder.size(), version.str());
    const auto text = client.fetch_text(url);
    if (!text)
      throw Error(ErrorCode::selection, fmt::format("there is no Kubernetes {}: {} is not there", version.str(), url))
          .hint("check the version; released ones are tags of https://github.com/kubernetes/kubernetes");
    const auto images = kubeone::parse_kubeadm_constants(*text, version, url);
    catalog.add_kubeadm(version, images);
    reporter.note(fmt::format("Kubernetes {} is not in the catalog; looked up: {}, etcd:{}, pause:{}", version.str(),
                              images.coredns, images.etcd, images.pause));
  }
}

/// All lines that are no references are named at once; a file without any reference is a mistake.
void add_lists(const ImageSelection& selection, kubeone::SelectionRequest& request, Reporter& reporter) {
  std::vector<std::string> bad;
  for (const auto& file : selection.image_files) {
    const auto list = kubeone::read_image_list(read_text(file, max_images_file), text_name(file));
    for (const std::string& note : list.notes) reporter.note(note);
    bad.insert(bad.end(), list.bad.begin(), list.bad.end());
    if (list.images.empty() && list.bad.empty())
      throw Error(ErrorCode::selection, text_name(file) + " lists no image")
          .hint("write one reference per line; # starts a comment");
    request.images.insert(request.images.end(), list.images.begin(), list.images.end());
  }
  if (bad.empty()) return;
  constexpr std::size_t most = 100;  // of a file that is no list at all
  const std::size_t count = bad.size();
  if (count > most) {
    bad.resize(most);
    bad.push_back(fmt::format("and {} more", count - most));
  }
  throw Error(ErrorCode::selection,
              fmt::format("{} no image references:\n  {}", count_of(count, "line is", "lines are"), join(bad, "\n  ")))
      .hint("write one reference per line, as registry/repository:tag; # starts a comment");
}

/// Images that users name in files.
void add_listed(const ImageSelection& selection, kubeone::SelectionRequest& request, Reporter& reporter) {
  add_lists(selection, request, reporter);
  kubeone::ReferenceOptions options;
  options.embedded = selection.embedded_manifests;
  for (const auto& path : selection.manifests) {
    const auto found = kubeone::find_images_in(path, options);
    tell_found(found, selection.suspects, reporter);
    const auto taken = taken_images(found, selection.suspects);
    if (taken.empty())
      throw Error(ErrorCode::selection, text_name(path) + " names no image that is sure to be one")
          .hint(
              "expected are Kubernetes manifests, as YAML or JSON (of a chart: --chart, or what helm template makes of "
              "it); --take-suspects takes what only looks like an image");
    for (const auto& one : taken)
      request.extras.push_back({within([&] { return one.second; }, [&] { return oci::Reference::parse(one.first); }),
                                "image", "extra", one.second});
  }
}

/// The clusters' part of a request, for one release.
void add_clusters(kubeone::SelectionRequest& request, const std::vector<kubeone::Cluster>& clusters,
                  const kubeone::Release& release, std::vector<std::string>& warnings) {
  request.clusters.clear();
  for (const auto& cluster : clusters)
    request.clusters.push_back(kubeone::deployment_of(cluster, release, request.cloud_provider, warnings));
}

/// A manifest does not name its KubeOne release.
void tell_assumed(const kubeone::Catalog& catalog, const kubeone::Release& release,
                  const std::vector<std::string>& versions, const std::set<std::string>& api_versions,
                  Reporter& reporter) {
  auto others = kubeone::fitting_lines(catalog, versions, api_versions);
  std::erase(others, release.line());
  const std::string assumed =
      "no --kubeone given, and a manifest does not name its KubeOne release: " + release.version;
  if (others.empty())
    reporter.note(fmt::format(
        "{} is taken; no other known line supports this Kubernetes version, so only the patch release may be another",
        assumed));
  else
    reporter.warning(
        fmt::format("{} is assumed, the newest that supports its Kubernetes version; KubeOne {} would do as well, with "
                    "other images: name yours with --kubeone",
                    assumed, join(others, ", ")));
}

/// A line was asked for: its newest patch release is taken, and what the others need beyond it is said.
void tell_patches(const kubeone::Catalog& catalog, const kubeone::Release& release,
                  const kubeone::SelectionRequest& request, const std::vector<kubeone::Cluster>& clusters,
                  const kubeone::ImageSet& set, Reporter& reporter) {
  constexpr std::size_t shown = 3;
  const auto patches = catalog.patches(release.line());
  if (patches.size() < 2) return;
  reporter.note(fmt::format("KubeOne {}: {} is taken, the newest known patch release of {}", release.line(),
                            release.version, patches.size()));
  for (const std::string& version : patches) {
    if (version == release.version) continue;
    std::vector<std::string> others;
    try {
      kubeone::SelectionRequest again = request;
      again.kubeone = version;
      std::vector<std::string> ignored;
      if (!clusters.empty()) add_clusters(again, clusters, *catalog.find_release(version), ignored);
      for (const auto& [image, reason] : kubeone::select(catalog, again).images)
        if (!set.images.contains(image)) others.push_back(image.str());
    } catch (const Error& error) {
      reporter.note(fmt::format("  {} does not go with this selection: {}", version, error.what()));
      continue;
    }
    if (others.empty()) continue;
    const std::string number = count_of(others.size(), "image");
    const bool more = others.size() > shown;
    others.resize(std::min(others.size(), shown));
    reporter.note(fmt::format("  {} needs {} that the set does not have: {}{} (list --kubeone {})", version, number,
                              join(others, ", "), more ? "..." : "", version.substr(1)));
  }
}

}  // namespace

kubeone::ImageSet select_images(kubeone::Catalog& catalog, const ImageSelection& selection, Reporter& reporter) {
  kubeone::SelectionRequest request = selection.request;
  std::vector<kubeone::Cluster> clusters;
  for (const auto& file : selection.clusters) clusters.push_back(kubeone::read_cluster(file));
  std::vector<std::string> words = request.kubernetes_versions;
  for (const auto& cluster : clusters) words.push_back(cluster.kubernetes_version);
  look_up(catalog, words, selection, reporter);

  const bool exact = kubeone::Version::parse(request.kubeone).has_value();
  const kubeone::Release* release = nullptr;
  if (!clusters.empty()) {
    std::vector<std::string> versions;
    std::set<std::string> api_versions;
    for (const auto& cluster : clusters) {
      versions.push_back(cluster.kubernetes_version);
      api_versions.insert(cluster.api_version);
    }
    const bool assumed = request.kubeone.empty();
    release = &kubeone::choose_release(catalog, request.kubeone, versions, api_versions);
    std::vector<std::string> warnings;
    for (const auto& cluster : clusters) kubeone::check_manifest(cluster, catalog, *release, assumed, warnings);
    if (assumed) tell_assumed(catalog, *release, versions, api_versions, reporter);
    request.kubeone = release->version;
    add_clusters(request, clusters, *release, warnings);
    for (const std::string& warning : warnings) reporter.warning(warning);
  }
  add_listed(selection, request, reporter);
  const auto set = kubeone::select(catalog, request);
  for (const std::string& note : kubeone::notes_on_versions(catalog, words)) reporter.note(note);
  if (release == nullptr && !set.kubeone.empty()) release = catalog.find_release(set.kubeone);
  if (release != nullptr && !exact) tell_patches(catalog, *release, request, clusters, set, reporter);
  return set;
}

}  // namespace airlock::flow
