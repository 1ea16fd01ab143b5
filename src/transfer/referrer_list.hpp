// SPDX-License-Identifier: Apache-2.0
// Makes referrers findable in the local registry: by their own tags, and where the registry keeps no list of referrers
// by the fallback tag (distribution-spec, "Pushing Manifests with Subject").
#pragma once

#include "airlock/oci/graph.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::transfer {

/// Adds the manifest, which is in the repository, to the index under its subject's fallback tag; what others added to
/// that index stays. Does nothing for a manifest without a subject, or one that is listed already. REQUIRES: the
/// subject is a document of the image or of its referrers (oci::GraphBuilder::add_referrers has checked that).
void list_referrer(registry::Client& client, const registry::Repository& repository, const oci::Node& referrer);

}  // namespace airlock::transfer
