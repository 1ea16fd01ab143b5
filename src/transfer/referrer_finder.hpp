// SPDX-License-Identifier: Apache-2.0
// What refers to an image and travels with it: signatures, attestations, SBOMs. Found by the referrers API, else by its
// fallback tag (distribution-spec, "Listing Referrers" and "Referrers Tag Schema"), and by cosign's tags
// (sigstore/cosign, specs/SIGNATURE_SPEC.md, "Tag-based Discovery").
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/oci/graph_builder.hpp"
#include "airlock/records/image.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::transfer {

/// Thread-safe.
class ReferrerFinder {
 public:
  ReferrerFinder(registry::Client& client, oci::GraphBuilder& builder, Reporter& reporter)
      : client_(client), builder_(builder), reporter_(reporter) {}

  // What one image may make an export hold: real ones have a handful of some KB.
  static constexpr std::size_t max_referrers = 1000;
  static constexpr std::uint64_t max_bytes = 8U << 20;

  /// All referrers of one manifest, added to the graph, ordered by digest. An Error in asking is an Error; so
  /// is more than one image may have. What is listed, but is about another image, is left out with a warning.
  std::vector<records::Referrer> find(const registry::Repository& repository, const oci::Digest& digest);

 private:
  std::vector<oci::Descriptor> listed(const registry::Repository& repository, const oci::Digest& digest);

  registry::Client& client_;
  oci::GraphBuilder& builder_;
  Reporter& reporter_;
  std::mutex mutex_;
  std::set<std::string> without_list_;  // registries that have no referrers API
};

}  // namespace airlock::transfer
