// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/chart_addresses.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/text.hpp"
#include "airlock/helm/chart_reference.hpp"
#include "airlock/helm/repository.hpp"
#include "airlock/kubeone/paths.hpp"
#include "airlock/records/own_content.hpp"

namespace airlock::flow {

namespace {

/// The newest chart of the bundle that a release may mean, or null.
const records::Image* find_chart(const kubeone::HelmRelease& release, const bundle::Metadata& metadata) {
  const records::Image* best = nullptr;
  for (const records::Image& image : metadata.images)
    if (records::is_chart(image) && helm::is_chart_of(image.source, release) &&
        (best == nullptr || helm::compare_versions(image.source.tag->str(), best->source.tag->str()) > 0))
      best = &image;
  return best;
}

/// A repository takes `v1.2.3` for `1.2.3`, a registry does not.
std::string version_to_write(const kubeone::HelmRelease& release, const oci::Tag& tag) {
  if (release.version.empty() || helm::tag_of_version(release.version) == tag.str()) return {};
  std::string version = tag.str();
  std::replace(version.begin(), version.end(), '_', '+');
  return version;
}

bool is_release(const std::string& release, const char* since) { return helm::compare_versions(release, since) >= 0; }

}  // namespace

ChartAddresses chart_addresses(const kubeone::Cluster& cluster, const bundle::Metadata& metadata,
                               const kubeone::RegistryConfiguration& configuration, const Naming& naming) {
  ChartAddresses result;
  const std::string& release_of_kubeone = configuration.consumer.release;
  const bool unverified = configuration.reach != oci::Reach::tls_verified;
  for (const kubeone::HelmRelease& release : cluster.helm_releases) {
    if (release.chart_url.empty() && release.repo_url.empty()) continue;  // local: as it is
    const records::Image* image = find_chart(release, metadata);
    if (image == nullptr) {
      result.warnings.push_back(fmt::format(
          "{}: it is not in the bundle; export with this manifest (--cluster), or with --chart", release.str()));
      continue;
    }
    if (!is_release(release_of_kubeone, "v1.7.0")) {
      result.warnings.push_back(
          fmt::format("{}: KubeOne {} cannot take charts from a registry: serve it from an HTTP "
                      "repository inside (airlock extract writes the archive)",
                      release.str(), release_of_kubeone));
      continue;
    }
    if (unverified && !is_release(release_of_kubeone, "v1.13.0"))
      result.warnings.push_back(
          fmt::format("{}: KubeOne {} takes charts over verified TLS only, and {} is reached by {}", release.str(),
                      release_of_kubeone, configuration.registry.host.str(), oci::to_string(configuration.reach)));
    const auto path = kubeone::target_paths(image->source, naming.mapping).front().repository;
    const std::string name = path.str().substr(path.str().rfind('/') + 1);
    result.charts.push_back({release.pointer,
                             fmt::format("{}{}/{}", helm::oci_scheme, configuration.registry.host.str(),
                                         oci::below(configuration.registry.prefix, path).str()),
                             release.name.empty() ? (release.chart.empty() ? name : release.chart) : release.name,
                             unverified && is_release(release_of_kubeone, "v1.13.0"),
                             version_to_write(release, *image->source.tag)});
  }
  return result;
}

}  // namespace airlock::flow
