// SPDX-License-Identifier: Apache-2.0
#include "transfer/referrer_finder.hpp"

#include <fmt/format.h>

#include <map>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::transfer {

namespace {

[[noreturn]] void refuse_flood(const std::string& what) {
  throw Error(ErrorCode::format, Side::source, "its referrers are " + what)
      .hint(
          "a registry that lists so many is broken or lying; ask another --mirror, or leave signatures and "
          "attestations "
          "out with --no-referrers");
}

records::Referrer referrer_of(const oci::Node& node, std::optional<oci::Tag> tag) {
  return {{std::string(node.media_type), node.digest, node.size, std::nullopt, {}}, std::move(tag)};
}

/// Counts what the referrers of one image make an export hold.
class Budget {
 public:
  void take(const oci::Node& node) {
    if ((bytes_ += node.size) > ReferrerFinder::max_bytes)
      refuse_flood(fmt::format("larger than {} together", human_size(ReferrerFinder::max_bytes)));
  }

 private:
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::vector<oci::Descriptor> ReferrerFinder::listed(const registry::Repository& repository, const oci::Digest& digest) {
  bool has_list = true;
  {
    const std::lock_guard lock(mutex_);
    has_list = !without_list_.contains(repository.registry);
  }
  if (has_list) {
    if (auto found = client_.referrers(repository, digest)) return std::move(*found);
    const std::lock_guard lock(mutex_);
    without_list_.insert(repository.registry);
  }
  const auto tagged = client_.fetch_manifest(repository, oci::referrers_tag(digest));
  if (!tagged || !oci::media_type::is_index(tagged->media_type)) return {};
  return oci::parse_document(tagged->bytes, tagged->media_type).index()->manifests;
}

std::vector<records::Referrer> ReferrerFinder::find(const registry::Repository& repository, const oci::Digest& digest) {
  constexpr auto role = oci::GraphBuilder::Role::referrer;
  const auto fetch = [&](const oci::Digest& wanted) { return client_.fetch_manifest(repository, wanted); };
  std::map<oci::Digest, records::Referrer> found;
  Budget budget;
  const auto list = listed(repository, digest);
  if (list.size() > max_referrers) refuse_flood(fmt::format("more than {}", max_referrers));
  for (const oci::Descriptor& entry : list) {
    if (entry.digest == digest || found.contains(entry.digest)) continue;
    const oci::Node* node = builder_.add(entry.digest, role, fetch);
    if (node == nullptr)
      throw Error(ErrorCode::registry, Side::source,
                  fmt::format("its referrer {} is listed, but missing", entry.digest.str()))
          .hint("ask another --mirror, or leave signatures and attestations out with --no-referrers");
    budget.take(*node);
    const auto& subject = node->content->subject;
    if (subject && *subject != digest)
      reporter_.warning(fmt::format("{} lists {} as a referrer of {}, but it is about {}: it is left out",
                                    repository.str(), entry.digest.str(), digest.str(), subject->str()));
    else
      found.emplace(entry.digest, referrer_of(*node, std::nullopt));
  }
  for (const char* suffix : oci::cosign_suffixes) {
    const oci::Tag tag = oci::cosign_tag(digest, suffix);
    auto tagged = client_.fetch_manifest(repository, tag);
    if (!tagged || tagged->digest == digest) continue;
    const oci::Node& node = builder_.add(std::move(*tagged), role, fetch);
    budget.take(node);
    found.insert_or_assign(node.digest, referrer_of(node, tag));
  }
  std::vector<records::Referrer> referrers;
  for (auto& [key, referrer] : found) referrers.push_back(std::move(referrer));
  return referrers;
}

}  // namespace airlock::transfer
