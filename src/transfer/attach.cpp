// SPDX-License-Identifier: Apache-2.0
#include "transfer/attach.hpp"

#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"

namespace airlock::transfer {

namespace {

/// As the distribution-spec wants it in a list of referrers: with artifactType and the manifest's annotations.
Json listing(const oci::Digest& digest, const std::string& media_type, std::string_view manifest) {
  const Json body = parse_json(manifest, "manifest " + digest.str());
  Json entry{{"mediaType", media_type}, {"digest", digest.str()}, {"size", manifest.size()}};
  if (body.contains("artifactType"))
    entry["artifactType"] = body["artifactType"];
  else if (body.contains("config") && body["config"].is_object() && body["config"].contains("mediaType"))
    entry["artifactType"] = body["config"]["mediaType"];
  if (body.contains("annotations")) entry["annotations"] = body["annotations"];
  return entry;
}

}  // namespace

void list_referrer(registry::Client& client, const registry::Repository& repository, const oci::Digest& digest,
                   const std::string& media_type, std::string_view manifest) {
  const auto subject = oci::parse_document(manifest, media_type).subject();
  if (!subject) return;
  const oci::Tag tag = oci::referrers_tag(*subject);
  const std::string index_type(oci::media_type::oci_index);
  Json index{{"schemaVersion", 2}, {"mediaType", index_type}, {"manifests", Json::array()}};
  if (const auto present = client.fetch_manifest(repository, tag); present && present->media_type == index_type) {
    const auto document = oci::parse_document(present->bytes, index_type);
    for (const oci::Descriptor& listed : document.index()->manifests)
      if (listed.digest == digest) return;
    index = parse_json(present->bytes, tag.str());
  }
  index["manifests"].push_back(listing(digest, media_type, manifest));
  client.push_manifest(repository, tag, index_type, canonical_json(index));
}

}  // namespace airlock::transfer
