// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/selection.hpp"

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_images_file = 16U << 20;

void look_up(catalog::Catalog& catalog, const std::vector<std::string>& words, const ImageSelection& selection,
             Reporter& reporter) {
  if (selection.look_up_url.empty()) return;
  constexpr std::string_view placeholder = "{version}";
  const auto at = selection.look_up_url.find(placeholder);
  if (at == std::string::npos)
    throw Error(ErrorCode::usage, "--look-up-url " + selection.look_up_url + " has no {version} in it")
        .hint(std::string("the default is ") + kubeadm_constants_url);
  registry::Client client(selection.client, reporter);
  for (const catalog::Version& version : catalog::unknown_versions(catalog, words)) {
    std::string url = selection.look_up_url;
    url.replace(at, placeholder.size(), version.str());
    const auto text = client.fetch_text(url);
    if (!text)
      throw Error(ErrorCode::selection, "there is no Kubernetes " + version.str() + ": " + url + " is not there")
          .hint("check the version; released ones are tags of https://github.com/kubernetes/kubernetes");
    const auto images = catalog::parse_kubeadm_constants(*text, version, url);
    catalog.add_kubeadm(version, images);
    reporter.note("Kubernetes " + version.str() + " is not in the catalog; looked up: " + images.coredns +
                  ", etcd:" + images.etcd + ", pause:" + images.pause);
  }
}

/// Images that users name in files; a file without any is a mistake.
void add_listed(const ImageSelection& selection, catalog::SelectionRequest& request, Reporter& reporter) {
  for (const auto& file : selection.image_files) {
    const auto listed = catalog::read_images_file(read_file(file, max_images_file));
    if (listed.empty())
      throw Error(ErrorCode::selection, file.string() + " lists no image")
          .hint("write one reference per line; # starts a comment");
    request.images.insert(request.images.end(), listed.begin(), listed.end());
  }
  for (const auto& path : selection.manifests) {
    const auto found = kubeone::find_images_in(path);
    for (const std::string& line : found.unresolved)
      reporter.warning("only rendering tells this image (helm template, kubectl kustomize): " + line);
    if (found.images.empty())
      throw Error(ErrorCode::selection, (path == "-" ? "standard input" : path.string()) + " names no image")
          .hint("expected are Kubernetes manifests with `image:` in them");
    for (const auto& found_image : found.images)
      within([&] { return found_image.second; },
             [&] { request.images.push_back(oci::Reference::parse(found_image.first).str()); });
  }
}

}  // namespace

catalog::ImageSet select_images(catalog::Catalog& catalog, const ImageSelection& selection, Reporter& reporter) {
  catalog::SelectionRequest request = selection.request;
  std::vector<kubeone::Cluster> clusters;
  for (const auto& file : selection.clusters) clusters.push_back(kubeone::read_cluster(file));
  std::vector<std::string> words = request.kubernetes_versions;
  for (const auto& cluster : clusters) words.push_back(cluster.kubernetes_version);
  look_up(catalog, words, selection, reporter);

  if (!clusters.empty()) {
    std::vector<std::string> versions;
    for (const auto& cluster : clusters) versions.push_back(cluster.kubernetes_version);
    const catalog::Release& release = catalog::choose_release(catalog, request.kubeone, versions);
    std::vector<std::string> warnings;
    for (const auto& cluster : clusters)
      request.clusters.push_back(kubeone::deployment_of(cluster, release, request.cloud_provider, warnings));
    for (const std::string& warning : warnings) reporter.warning(warning);
  }
  add_listed(selection, request, reporter);
  return catalog::select(catalog, request);
}

}  // namespace airlock::flow
