// SPDX-License-Identifier: Apache-2.0
// Options that say which images go into a bundle.
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/image_list.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

void SelectionOptions::add_charts(CLI::App& verb, const std::string& group) {
  verb.add_option("--chart", charts, "A Helm chart and its images: oci://HOST/PATH/NAME, or https://REPOSITORY/NAME")
      ->allow_extra_args(false)
      ->type_name("CHART")
      ->group(group);
  verb.add_option("--version", chart_version, "Version of the charts of --chart that have none behind a colon")
      ->type_name("VERSION")
      ->group(group);
  verb.add_option("--charts-file", chart_files,
                  "Charts in a file: entries as in KubeOne's helmReleases below `charts`, or a KubeOneCluster manifest")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--values", values, "Values for the charts of --chart, later files over earlier ones")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
  verb.add_flag("--no-charts", no_charts, "Leave out the charts, and their images, of a manifest's helmReleases")
      ->group(group);
}

void SelectionOptions::add_to(CLI::App& verb) {
  const std::string group = "Selection";
  verb.add_option("--filter", filters, "Groups of images: base, optional, control-plane (default: all)")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("GROUP,...")
      ->group(group);
  verb.add_option("--kubernetes-versions", kubernetes_versions,
                  "Kubernetes versions, e.g. v1.29.4,1.28 (default: all that the KubeOne release supports)")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("VERSION,...")
      ->group(group);
  verb.add_option("--kubeone", kubeone, "KubeOne release, e.g. 1.8 (default: the newest that supports all versions)")
      ->type_name("RELEASE")
      ->group(group);
  verb.add_option("--image", images, "An additional image; without other selection options, only these images")
      ->allow_extra_args(false)
      ->type_name("REF")
      ->group(group);
  verb.add_option("--images-file", image_files, "Additional images, one per line, # for comments; - for standard input")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--from-manifests", manifests,
                  "Additional images from Kubernetes YAML: a file, a directory, or - for standard input")
      ->allow_extra_args(false)
      ->type_name("PATH")
      ->group(group);
  verb.add_flag("--take-suspects", take_suspects, "With --from-manifests: also take what only looks like an image")
      ->group(group);
  verb.add_flag("--in-config-maps", in_config_maps, "With --from-manifests: also read manifests inside ConfigMaps")
      ->group(group);
  verb.add_option("--cluster", clusters, "KubeOneCluster manifest: exactly the images that this cluster pulls")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
  add_charts(verb, group);
  verb.add_option("--addon", addons, "Images of a KubeOne addon; without --filter, with the group base")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("NAME")
      ->group(group);
  verb.add_option("--cloud-provider", cloud_provider,
                  "Images of a provider's CCM and CSI; with --cluster, for a manifest that names none")
      ->type_name("NAME")
      ->group(group);
  verb.add_option("--exclude", exclude, "Leave out images whose reference matches, e.g. 'quay.io/calico/*'")
      ->allow_extra_args(false)
      ->type_name("GLOB")
      ->group(group);
  verb.add_option("--catalog", catalog_directory, "Directory of catalog files that replace the built-in ones")
      ->type_name("DIRECTORY")
      ->group(group);
  verb.add_flag("--look-up", look_up, "Look up versions that the catalog does not have in kubeadm's source (web)")
      ->group(group);
  verb.add_option("--look-up-url", look_up_url, "URL of that source, with {version} in it (default: GitHub)")
      ->type_name("URL")
      ->group(group);
}

bool SelectionOptions::any() const {
  return !filters.empty() || !kubernetes_versions.empty() || !kubeone.empty() || !images.empty() ||
         !image_files.empty() || !clusters.empty() || !manifests.empty() || !addons.empty() ||
         !cloud_provider.empty() || !exclude.empty() || !catalog_directory.empty();
}

namespace {

/// `oci://HOST/PATH/NAME[:VERSION]`, `https://REPOSITORY/NAME[:VERSION]`, `https://…/NAME-VERSION.tgz`, a local path.
kubeone::HelmRelease parse_chart(const std::string& text, const std::string& version) {
  kubeone::HelmRelease release;
  release.origin = "--chart";
  std::string rest = text;
  const auto slash = rest.rfind('/');
  const auto colon = rest.rfind(':');
  const bool url = rest.starts_with("oci://") || rest.starts_with("https://") || rest.starts_with("http://");
  release.version = version;
  const bool pinned = rest.find('@', slash) != std::string::npos;  // a digest stays in the address
  if (url && !pinned && colon != std::string::npos && slash != std::string::npos && colon > slash) {
    release.version = rest.substr(colon + 1);
    rest.resize(colon);
  }
  if (!url) {
    release.chart = rest;
  } else if (rest.starts_with("oci://") || rest.ends_with(".tgz")) {
    release.chart_url = rest;
  } else {
    release.repo_url = rest.substr(0, slash);
    release.chart = rest.substr(slash + 1);
  }
  release.take_login();
  return release;
}

}  // namespace

std::vector<kubeone::HelmRelease> SelectionOptions::releases(bool with_clusters) const {
  constexpr std::size_t max_file = 16U << 20;
  std::vector<kubeone::HelmRelease> all = declared_charts;
  for (const std::string& text : charts) {
    all.push_back(parse_chart(text, chart_version));
    for (const auto& file : values) all.back().values.push_back({file.string(), ""});
  }
  const auto add = [&](const std::vector<kubeone::HelmRelease>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  const auto add_cluster = [&](const kubeone::Cluster& cluster) {
    for (kubeone::HelmRelease release : cluster.helm_releases) {
      release.kubernetes_version = cluster.kubernetes_version;
      all.push_back(std::move(release));
    }
  };
  for (const auto& file : chart_files) {
    const std::string text = read_text(file, max_file);
    if (text.find("KubeOneCluster") == std::string::npos)
      add(kubeone::parse_charts_file(text, text_name(file)));
    else
      add_cluster(kubeone::parse_cluster(text, text_name(file)));
  }
  if (with_clusters && !no_charts)
    for (const auto& file : clusters) add_cluster(kubeone::read_cluster(file));
  return all;
}

kubeone::Catalog SelectionOptions::catalog() const {
  return catalog_directory.empty() ? kubeone::Catalog::built_in() : kubeone::Catalog::load(catalog_directory);
}

kubeone::ImageSet SelectionOptions::select(kubeone::Catalog& catalog, Reporter& reporter,
                                           const std::vector<kubeone::ExtraImage>& extras) const {
  flow::ImageSelection selection;
  selection.request.extras = extras;
  selection.request.own = !releases(false).empty();
  selection.request.filters = filters;
  selection.request.kubernetes_versions = kubernetes_versions;
  selection.request.kubeone = kubeone;
  for (const std::string& image : images) selection.request.images.emplace_back(kubeone::without_transport(image));
  selection.request.exclude = exclude;
  selection.request.addons = addons;
  selection.request.cloud_provider = cloud_provider;
  selection.clusters = clusters;
  selection.manifests = manifests;
  selection.suspects = take_suspects ? flow::Suspects::take : flow::Suspects::list;
  selection.embedded_manifests = in_config_maps;
  selection.image_files = image_files;
  selection.look_up_url = !look_up_url.empty() ? look_up_url : look_up ? flow::kubeadm_constants_url : "";
  selection.client.user_agent = user_agent();
  selection.client.ca_file = ca_file;
  return flow::select_images(catalog, selection, reporter);
}

}  // namespace airlock::cli
