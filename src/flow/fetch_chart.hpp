// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "airlock/kubeone/helm_release.hpp"
#include "airlock/oci/reference.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/made_content.hpp"

namespace airlock::flow {

/// A chart's archive, and where it came from.
struct FetchedChart {
  std::string archive;
  std::optional<oci::Reference> reference;  ///< of a registry
  std::string repository;                   ///< else: the address of its repository
  std::optional<std::string> provenance;    ///< of an HTTP repository that has one: NAME.tgz.prov
  std::string version = {};                 ///< as its repository's index says
};

/// Fetches the chart of a release from an HTTP repository, an address, or a registry; its digest is compared with what
/// the repository's index or the registry says.
FetchedChart fetch_chart(const kubeone::HelmRelease& release, registry::Client& client, Reporter& reporter);

}  // namespace airlock::flow
