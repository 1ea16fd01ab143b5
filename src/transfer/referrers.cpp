// SPDX-License-Identifier: Apache-2.0
#include "transfer/referrers.hpp"

#include <map>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"

namespace airlock::transfer {

std::string fallback_tag(const oci::Digest& digest) { return "sha256-" + digest.hex(); }

std::optional<oci::Digest> subject_of(std::string_view manifest) {
  const Json json = parse_json(manifest, "manifest");
  const auto subject = JsonObject(json, "manifest").optional_object("subject");
  if (!subject) return std::nullopt;
  return oci::Digest::parse(subject->string("digest"));
}

oci::Descriptor ReferrerFinder::fetch(const registry::Repository& repository, const oci::Digest& digest) {
  const auto* manifest = documents_.get(digest, [&] { return client_.fetch_manifest(repository, digest.str()); });
  if (manifest == nullptr)
    throw Error(ErrorCode::registry, Side::source, "its referrer " + digest.str() + " is listed, but missing")
        .hint("ask another --mirror, or leave signatures and attestations out with --no-referrers");
  return {manifest->media_type, manifest->digest, manifest->bytes.size(), std::nullopt, {}};
}

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
  const auto tagged = client_.fetch_manifest(repository, fallback_tag(digest));
  if (!tagged || !oci::media_type::is_index(tagged->media_type)) return {};
  return oci::parse_document(tagged->bytes, tagged->media_type).index()->manifests;
}

std::vector<oci::Descriptor> ReferrerFinder::find(const registry::Repository& repository, const oci::Digest& digest) {
  std::map<oci::Digest, oci::Descriptor> found;
  for (const oci::Descriptor& descriptor : listed(repository, digest))
    found.try_emplace(descriptor.digest, fetch(repository, descriptor.digest));
  for (const char* suffix : {".sig", ".att", ".sbom"}) {
    const std::string tag = fallback_tag(digest) + suffix;
    auto tagged = client_.fetch_manifest(repository, tag);
    if (!tagged) continue;
    const auto& manifest = documents_.add(std::move(*tagged));
    oci::Descriptor descriptor{manifest.media_type, manifest.digest, manifest.bytes.size(), std::nullopt, {}};
    descriptor.annotations[referrer_tag] = tag;
    found.insert_or_assign(descriptor.digest, std::move(descriptor));
  }
  std::vector<oci::Descriptor> referrers;
  for (auto& [key, descriptor] : found)
    if (key != digest) referrers.push_back(std::move(descriptor));
  return referrers;
}

}  // namespace airlock::transfer
