// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/image.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::records {

std::vector<Blob> blobs_of(const oci::Nodes& nodes) {
  std::vector<Blob> blobs;
  blobs.reserve(nodes.size());
  for (const oci::Node* node : nodes) blobs.push_back({node->digest, node->size, node->media_type});
  return blobs;
}

std::vector<oci::Digest> roots_of(const Image& image) {
  std::vector<oci::Digest> roots{image.descriptor.digest};
  for (const Referrer& referrer : image.referrers) roots.push_back(referrer.descriptor.digest);
  return roots;
}

std::vector<oci::Digest> roots_of(const std::vector<Image>& images) {
  std::vector<oci::Digest> roots;
  for (const Image& image : images)
    for (const oci::Digest& root : roots_of(image)) roots.push_back(root);
  return roots;
}

void check_image(const Image& image) {
  const std::string where = fmt::format("image {}: ", image.source.str());
  if (image.source.digest && *image.source.digest != image.descriptor.digest)
    throw Error(ErrorCode::format, fmt::format("{}it is pinned to {}, but its descriptor is {}", where,
                                               image.source.digest->str(), image.descriptor.digest.str()));
  std::set<oci::Digest> digests{image.descriptor.digest};
  for (const Referrer& referrer : image.referrers)
    if (!digests.insert(referrer.descriptor.digest).second)
      throw Error(ErrorCode::format, fmt::format("{}its referrer {} appears twice, or is the image itself", where,
                                                 referrer.descriptor.digest.str()));
}

oci::Tag parse_referrer_tag(const std::string& text) {
  if (auto tag = oci::Tag::find(text); tag && oci::cosign_subject(*tag)) return *tag;
  throw Error(ErrorCode::format,
              fmt::format("\"{}\" is not a tag of a signature, attestation or SBOM", printable(text, 150)));
}

bool parse_whole(const JsonObject& object) {
  if (!object.has("whole")) return false;
  if (object.json().at("whole") != true) throw Error(ErrorCode::format, object.where() + ": \"whole\" is not true");
  return true;
}

std::set<oci::Digest> whole_of(const std::vector<Image>& images) {
  std::set<oci::Digest> whole;
  for (const Image& image : images)
    if (image.whole) whole.insert(image.descriptor.digest);
  return whole;
}

void add_to_graph(oci::GraphBuilder& builder, const Image& image, const oci::GraphBuilder::Fetch& fetch) {
  const oci::Node& top = builder.add(image.descriptor, oci::GraphBuilder::Role::image, fetch);
  std::vector<oci::Descriptor> referrers;
  for (const Referrer& referrer : image.referrers) referrers.push_back(referrer.descriptor);
  const std::set<oci::Digest> subjects = builder.add_referrers(top, referrers, fetch);
  for (const Referrer& referrer : image.referrers)
    if (referrer.tag && !subjects.contains(*oci::cosign_subject(*referrer.tag)))
      throw Error(ErrorCode::format, fmt::format("the tag {} of its referrer {} is about another image",
                                                 referrer.tag->str(), referrer.descriptor.digest.str()));
}

}  // namespace airlock::records
