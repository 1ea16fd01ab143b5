// SPDX-License-Identifier: Apache-2.0
// What refers to an image and travels with it: signatures, attestations, SBOMs. Found by the referrers API, else by its
// fallback tag (distribution-spec, "Listing Referrers" and "Referrers Tag Schema"), and by cosign's tags
// (sigstore/cosign, specs/SIGNATURE_SPEC.md, "Tag-based Discovery").
#pragma once

#include <functional>
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

/// What becomes of an image whose referrers cannot be asked for.
enum class UnknownReferrers {
  refuse,  ///< an Error: nobody knows what would be left behind
  warn
};

/// Thread-safe.
class ReferrerFinder {
 public:
  ReferrerFinder(registry::Client& client, oci::GraphBuilder& builder, UnknownReferrers unknown, Reporter& reporter)
      : client_(client), builder_(builder), unknown_(unknown), reporter_(reporter) {}

  // What one image may make an export hold: real ones have a handful of some KB.
  static constexpr std::size_t max_referrers = 1000;
  static constexpr std::uint64_t max_bytes = 8U << 20;

  /// All that refers to an image, to one of its platforms' manifests (`cosign sign --recursive`), or to what was found
  /// so (a signature of an SBOM); added to the graph, ordered by digest. What is listed and cannot travel, as it is
  /// gone, malformed, of a type that registries do not take any more or about another image, is left behind with a
  /// warning that names it. An Error in asking is an Error; so is more than one image may have.
  std::vector<records::Referrer> find(const registry::Repository& repository, const oci::Node& image);

 private:
  class Search;
  /// One request: which list or tag of which subject.
  struct Question {
    const oci::Node* subject;
    const char* suffix;  // of cosign's tag; null: the list
  };
  struct Candidate {
    const oci::Node* node;
    std::optional<oci::Tag> tag;
  };

  std::vector<Candidate> ask(const registry::Repository& repository, const Question& question);
  std::vector<Candidate> ask_list(const registry::Repository& repository, const oci::Digest& subject);
  std::vector<Candidate> ask_tag(const registry::Repository& repository, const oci::Digest& subject,
                                 const char* suffix);
  oci::ReferrerList listed(const registry::Repository& repository, const oci::Digest& subject);
  const oci::Node* add_or_leave(const registry::Repository& repository, const std::string& what,
                                const oci::Digest& subject,
                                const std::function<const oci::Node*(const oci::GraphBuilder::Fetch&)>& add);
  void leave_behind(const registry::Repository& repository, const std::string& what, const oci::Digest& subject,
                    const std::string& why);

  registry::Client& client_;
  oci::GraphBuilder& builder_;
  UnknownReferrers unknown_;
  Reporter& reporter_;
  std::mutex mutex_;
  std::set<std::string> without_list_;  // registries that have no referrers API
};

}  // namespace airlock::transfer
