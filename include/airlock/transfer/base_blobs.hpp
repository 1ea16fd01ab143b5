// SPDX-License-Identifier: Apache-2.0
// What a delta leaves out, looked for in the target before anything is sent there.
#pragma once

#include <map>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// One repository for each blob that `needing` needs, the target wants and the source lacks. It is looked for in the
/// repositories of all destinations, those whose image is there already included. An Error names all blobs that none of
/// them has, with `advice` for a hint.
std::map<oci::Digest, registry::Repository> find_base_blobs(const oci::Graph& graph,
                                                            const std::vector<const Destination*>& needing,
                                                            const std::vector<Destination>& destinations,
                                                            const Source& source, Target& target, unsigned jobs,
                                                            const std::string& advice, Reporter& reporter);

/// Where to get what a delta depends on.
std::string base_advice(const bundle::Base& base);

}  // namespace airlock::transfer
