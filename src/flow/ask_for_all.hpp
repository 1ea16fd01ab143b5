// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "airlock/bundle/reader.hpp"
#include "airlock/transfer/registry_ports.hpp"

namespace airlock::flow {

/// Asks a registry for every name, manifest and blob of the destinations: a copy that puts nothing.
transfer::CheckSummary ask_for_all(registry::Client& client, const bundle::VerifiedBundle& bundle,
                                   const oci::Graph& graph, const std::vector<transfer::Destination>& destinations,
                                   unsigned jobs, Reporter& reporter);

}  // namespace airlock::flow
