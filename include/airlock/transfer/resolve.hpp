// SPDX-License-Identifier: Apache-2.0
// From references to the exact content behind them: every manifest is fetched, checked and kept before any layer moves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::transfer {

/// What upstream serves now for a set of images.
struct Resolution {
  std::vector<bundle::Image> images;                    ///< ordered by source reference
  std::map<oci::Digest, std::string> documents;         ///< bytes of manifests and indexes, as served
  std::vector<bundle::Blob> blobs;                      ///< all of them, documents included, in the archive's order
  std::map<oci::Digest, registry::Repository> origins;  ///< where each blob can be fetched
  std::uint64_t bytes() const;                          ///< of all blobs
  std::uint64_t shared_bytes = 0;                       ///< what several images share and is stored once
};

/// What each image has to be, from a lock file: these digests, with exactly these referrers.
using Pins = std::map<oci::Reference, bundle::Image>;

struct ResolveOptions {
  oci::PlatformSelection platforms = oci::PlatformSelection({});
  unsigned jobs = 8;
  bool referrers = true;  ///< signatures, attestations and SBOMs travel with their images
  Pins pins;              ///< empty: what upstream serves now
};

/// Asks the registries for every image of the set, `jobs` at a time. If any is missing or broken, one Error names all
/// of them. Images that lack one of several wanted platforms are taken as they are, with a warning. An Error before
/// anything is fetched where Docker Hub says that it will not grant as many pulls as there are images.
Resolution resolve(registry::Client& client, const kubeone::ImageSet& set, const ResolveOptions& options,
                   Reporter& reporter);

}  // namespace airlock::transfer
