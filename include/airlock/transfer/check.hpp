// SPDX-License-Identifier: Apache-2.0
// What a cluster would find: asks the registry for everything that kubelet and kubeadm will ask for.
#pragma once

#include <string>
#include <vector>

#include "airlock/transfer/push.hpp"

namespace airlock::transfer {

struct CheckSummary {
  std::uint64_t names = 0;            ///< tags that stand for their image
  std::uint64_t manifests = 0;        ///< of platforms, by digest
  std::uint64_t blobs = 0;            ///< configs and layers, in each repository that needs them
  std::vector<std::string> problems;  ///< "NAME: what is missing or different", all of them
};

/// For every destination: the tag's manifest is the image's (or the derived index), each platform's manifest is served
/// under its digest, each blob is in the same repository. Goes on after a problem; an Error is a registry that cannot
/// be asked at all.
CheckSummary check(registry::Client& client, const bundle::VerifiedBundle& bundle,
                   const std::vector<Destination>& destinations, unsigned jobs, Reporter& reporter);

}  // namespace airlock::transfer
