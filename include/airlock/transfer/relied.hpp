// SPDX-License-Identifier: Apache-2.0
// What a delta relies on, looked for in the registry before anything is sent there.
#pragma once

#include <map>

#include "airlock/transfer/push.hpp"

namespace airlock::transfer {

/// One repository for each blob that the bundle relies on and these destinations need. An Error names all that no
/// repository of the bundle's names has, and which bundles would supply them.
std::map<oci::Digest, registry::Repository> find_relied_on(registry::Client& client,
                                                           const bundle::VerifiedBundle& bundle,
                                                           const std::vector<Destination>& destinations, unsigned jobs,
                                                           Reporter& reporter);

}  // namespace airlock::transfer
