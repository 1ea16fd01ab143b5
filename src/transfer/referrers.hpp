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

#include "airlock/registry/client.hpp"
#include "transfer/documents.hpp"

namespace airlock::transfer {

/// Under which annotation of a referrer's descriptor its tag is kept, for referrers that are found by their tag alone.
inline constexpr const char* referrer_tag = "io.airlock.referrer.tag";

/// `sha256-<hex>`
std::string fallback_tag(const oci::Digest& digest);

/// The digest that a manifest's `subject` names; nothing where it has none.
std::optional<oci::Digest> subject_of(std::string_view manifest);

/// Thread-safe.
class ReferrerFinder {
 public:
  ReferrerFinder(registry::Client& client, Documents& documents) : client_(client), documents_(documents) {}

  /// All referrers of one manifest, fetched into the documents, ordered by digest. An Error in asking is an Error.
  std::vector<oci::Descriptor> find(const registry::Repository& repository, const oci::Digest& digest);

 private:
  std::vector<oci::Descriptor> listed(const registry::Repository& repository, const oci::Digest& digest);
  oci::Descriptor fetch(const registry::Repository& repository, const oci::Digest& digest);

  registry::Client& client_;
  Documents& documents_;
  std::mutex mutex_;
  std::set<std::string> without_list_;  // registries that have no referrers API
};

}  // namespace airlock::transfer
