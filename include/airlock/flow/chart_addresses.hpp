// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "airlock/flow/naming.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/manifest_patch.hpp"
#include "airlock/kubeone/registry_configuration.hpp"

namespace airlock::flow {

struct ChartAddresses {
  std::vector<kubeone::ChartPatch> charts;
  std::vector<std::string> warnings;  ///< charts that the bundle lacks, and what else KubeOne would stumble over
};

/// Where the charts of a manifest's helmReleases are, once the bundle is imported. KubeOne takes them as `chartURL:
/// oci://…` (pkg/localhelm, getChart: a repoURL is for HTTP repositories only), since 1.7.
ChartAddresses chart_addresses(const kubeone::Cluster& cluster, const bundle::Metadata& metadata,
                               const kubeone::RegistryConfiguration& configuration, const Naming& naming);

}  // namespace airlock::flow
