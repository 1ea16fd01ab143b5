// SPDX-License-Identifier: Apache-2.0
// Charts that a cluster's helmReleases or a user names: fetched, made into artifacts where no registry has them, and
// searched for images.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/flow/select_images.hpp"
#include "airlock/kubeone/helm_release.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/registry/types.hpp"
#include "airlock/transfer/made_content.hpp"

namespace airlock::flow {

struct ChartsRequest {
  std::vector<kubeone::HelmRelease> releases;
  /// To render them for, each; a cluster's releases are for its own. Empty: Helm's default.
  std::set<std::string> kubernetes_versions;
  registry::ClientOptions client;
  Suspects suspects = Suspects::list;
};

/// Of a chart in a set that came from a registry, and from an HTTP server.
inline constexpr const char* registry_chart_component = "chart";
inline constexpr const char* archive_chart_component = "chart archive";

/// How charts and their images are in the set, each with where it was found: in the chart's annotation, in what `helm
/// template` makes of it where helm is there, else in its values and templates. A local chart travels with the
/// manifest: only its images are taken. An Error names the release.
std::vector<kubeone::ExtraImage> collect_charts(const ChartsRequest& request, transfer::MadeContent& made,
                                                Reporter& reporter);

}  // namespace airlock::flow
