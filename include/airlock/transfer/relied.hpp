// SPDX-License-Identifier: Apache-2.0
// What a delta relies on, looked for in the registry before anything is sent there.
#pragma once

#include <map>

#include "airlock/transfer/push.hpp"

namespace airlock::transfer {

/// One repository for each blob that the bundle relies on and `needing` needs. It is looked for in the repositories of
/// all destinations, those whose image is there already included. An Error names all blobs that none of them has, and
/// which bundles would supply them.
std::map<oci::Digest, registry::Repository> find_relied_on(registry::Client& client,
                                                           const bundle::VerifiedBundle& bundle,
                                                           const std::vector<Destination>& needing,
                                                           const std::vector<Destination>& destinations, unsigned jobs,
                                                           Reporter& reporter);

}  // namespace airlock::transfer
