// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/image.hpp"

#include <fmt/format.h>

#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::records {

std::vector<Blob> blobs_of(const oci::Nodes& nodes) {
  std::vector<Blob> blobs;
  blobs.reserve(nodes.size());
  for (const oci::Node* node : nodes) blobs.push_back({node->digest, node->size, std::string(node->media_type)});
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

oci::Tag parse_referrer_tag(const std::string& text, const oci::Digest& image) {
  if (const auto tag = oci::find_cosign_tag(text, image)) return *tag;
  throw Error(ErrorCode::format, fmt::format("\"{}\" is not a tag of a signature, attestation or SBOM of {}",
                                             printable(text, 150), image.str()));
}

}  // namespace airlock::records
