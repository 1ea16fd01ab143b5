// SPDX-License-Identifier: Apache-2.0
// The proof: a registry has what the clusters of a bundle will ask for.
#pragma once

#include "airlock/flow/import.hpp"
#include "airlock/flow/verify.hpp"
#include "airlock/registry/types.hpp"
#include "airlock/transfer/registry_ports.hpp"

namespace airlock::flow {

struct CheckRequest {
  VerifyRequest verify;
  registry::Location target;
  registry::ClientOptions client;
  NamingRequest naming;                   ///< as it was imported
  unsigned jobs = 0;                      ///< requests at a time; 0: as the registry's distance wants it
  DockerTypes types = DockerTypes::keep;  ///< as they were imported
};

/// What the bundle says is verified first (not the content of blobs), so that nothing is compared with what nobody
/// vouches for. Writes nothing anywhere.
transfer::CheckSummary check_registry(const CheckRequest& request, const trust::Policy& policy, Reporter& reporter);

}  // namespace airlock::flow
