// SPDX-License-Identifier: Apache-2.0
#include "transfer/referrers.hpp"

#include <map>

#include "airlock/base/error.hpp"

namespace airlock::transfer {

const registry::FetchedManifest& ReferrerFinder::fetch(const registry::Repository& repository,
                                                       const oci::Digest& digest) {
  const auto* manifest = documents_.get(digest, [&] { return client_.fetch_manifest(repository, digest); });
  if (manifest == nullptr)
    throw Error(ErrorCode::registry, Side::source, "its referrer " + digest.str() + " is listed, but missing")
        .hint("ask another --mirror, or leave signatures and attestations out with --no-referrers");
  return *manifest;
}

namespace {

[[noreturn]] void refuse_flood(const std::string& what) {
  throw Error(ErrorCode::format, Side::source, "its referrers are " + what)
      .hint(
          "a registry that lists so many is broken or lying; ask another --mirror, or leave signatures and "
          "attestations "
          "out with --no-referrers");
}

oci::Descriptor descriptor_of(const registry::FetchedManifest& manifest) {
  return {manifest.media_type, manifest.digest, manifest.bytes.size(), std::nullopt, {}};
}

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

std::vector<bundle::Referrer> ReferrerFinder::find(const registry::Repository& repository, const oci::Digest& digest) {
  std::map<oci::Digest, bundle::Referrer> found;
  std::uint64_t bytes = 0;
  const auto list = listed(repository, digest);
  if (list.size() > max_referrers) refuse_flood("more than " + std::to_string(max_referrers));
  for (const oci::Descriptor& entry : list) {
    if (entry.digest == digest || found.contains(entry.digest)) continue;
    const auto& manifest = fetch(repository, entry.digest);
    if ((bytes += manifest.bytes.size()) > max_bytes)
      refuse_flood("larger than " + human_size(max_bytes) + " together");
    const auto subject = oci::parse_document(manifest.bytes, manifest.media_type).subject();
    if (subject && *subject != digest) {
      reporter_.warning(repository.str() + " lists " + entry.digest.str() + " as a referrer of " + digest.str() +
                        ", but it is about " + subject->str() + ": it is left out");
      continue;
    }
    found.emplace(entry.digest, bundle::Referrer{descriptor_of(manifest), std::nullopt});
  }
  for (const char* suffix : oci::cosign_suffixes) {
    const oci::Tag tag = oci::cosign_tag(digest, suffix);
    auto tagged = client_.fetch_manifest(repository, tag);
    if (!tagged || tagged->digest == digest) continue;
    if ((bytes += tagged->bytes.size()) > max_bytes) refuse_flood("larger than " + human_size(max_bytes) + " together");
    const auto& manifest = documents_.add(std::move(*tagged));
    found.insert_or_assign(manifest.digest, bundle::Referrer{descriptor_of(manifest), tag});
  }
  std::vector<bundle::Referrer> referrers;
  for (auto& [key, referrer] : found) referrers.push_back(std::move(referrer));
  return referrers;
}

}  // namespace airlock::transfer
