// SPDX-License-Identifier: Apache-2.0
// From references to the exact content behind them: every manifest is fetched, checked and kept before any layer moves.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/oci/graph.hpp"
#include "airlock/records/lock.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/made_content.hpp"

namespace airlock::transfer {

/// What upstream serves now for a set of images.
struct Resolution {
  std::vector<bundle::Missing> missing;  ///< of the set, allowed by AllowMissing; ordered by source reference
  std::vector<records::Image> images;    ///< ordered by source reference
  oci::Graph graph;                      ///< holds them, whole
  std::uint64_t unshared_bytes = 0;      ///< what they would take if nothing that several have were stored once
};

/// What becomes of an index that is asked for by its digest and has more members than the platform selection takes.
/// Most registries refuse it without them, and a shortened one has another digest.
enum class Pinned {
  whole,   ///< it is taken with all its members
  filter,  ///< the selection counts; it needs a registry that takes incomplete indexes
  refuse   ///< an Error (code `selection`) names all of them
};

/// Images that may be missing upstream: they are left out and named. An unreachable registry is no absence.
struct AllowMissing {
  bool all = false;
  std::set<oci::Reference> images = {};
  bool allows(const oci::Reference& image) const { return all || images.contains(image); }
};

struct ResolveOptions {
  oci::PlatformSelection platforms = oci::PlatformSelection({});
  unsigned jobs = 8;
  bool referrers = true;                 ///< signatures, attestations and SBOMs travel with their images
  bool allow_missing_referrers = false;  ///< those that cannot be asked for are warned of, else an Error
  Pinned pinned = Pinned::whole;
  records::Pins pins;  ///< empty: what upstream serves now
  AllowMissing missing = {};
  const MadeContent* made = nullptr;  ///< images of the set that no registry is asked for
};

/// Asks the registries for every image of the set, `jobs` at a time. If any is missing or broken, one Error names all
/// of them that may not be missing. Images that lack one of several wanted platforms are taken as they are, with a
/// warning. An Error before anything is fetched where Docker Hub says that it will not grant as many pulls as there are
/// images.
Resolution resolve(registry::Client& client, const kubeone::ImageSet& set, const ResolveOptions& options,
                   Reporter& reporter);

}  // namespace airlock::transfer
