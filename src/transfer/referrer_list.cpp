// SPDX-License-Identifier: Apache-2.0
#include "transfer/referrer_list.hpp"

#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"

namespace airlock::transfer {

namespace {

/// As the distribution-spec wants it in a list of referrers: with artifactType and the manifest's annotations.
Json entry_of(const oci::Node& referrer) {
  Json entry{{"mediaType", referrer.media_type}, {"digest", referrer.digest.str()}, {"size", referrer.size}};
  const oci::Listing& listing = referrer.content->listing;
  if (!listing.artifact_type.empty()) entry["artifactType"] = listing.artifact_type;
  if (!listing.annotations.empty()) entry["annotations"] = listing.annotations;
  return entry;
}

}  // namespace

void list_referrer(registry::Client& client, const registry::Repository& repository, const oci::Node& referrer) {
  const auto& subject = referrer.content->subject;
  if (!subject) return;
  const oci::Tag tag = oci::referrers_tag(*subject);
  const std::string index_type(oci::media_type::oci_index);
  Json index{{"schemaVersion", 2}, {"mediaType", index_type}, {"manifests", Json::array()}};
  if (const auto present = client.fetch_manifest(repository, tag); present && present->media_type == index_type) {
    const auto document = oci::parse_document(present->bytes, index_type);
    for (const oci::Descriptor& listed : document.index()->manifests)
      if (listed.digest == referrer.digest) return;
    index = parse_json(present->bytes, tag.str());
  }
  index["manifests"].push_back(entry_of(referrer));
  client.push_manifest(repository, tag, index_type, canonical_json(index));
}

}  // namespace airlock::transfer
