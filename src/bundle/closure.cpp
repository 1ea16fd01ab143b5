// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/closure.hpp"

#include <algorithm>

#include "airlock/base/error.hpp"

namespace airlock::bundle {

namespace {
constexpr unsigned max_depth = 4;           // an index of indexes is rare; more is an attack
constexpr std::size_t max_blobs = 200'000;  // as many entries as a bundle may have
}  // namespace

bool Closure::note(const oci::Descriptor& descriptor, BlobKind kind) {
  const auto [position, added] =
      members_.try_emplace(descriptor.digest, Member{kind, descriptor.size, descriptor.media_type});
  Member& member = position->second;
  if (member.size != descriptor.size)
    throw Error(ErrorCode::format, "two descriptors give " + descriptor.digest.str() + " different sizes: " +
                                       std::to_string(member.size) + " and " + std::to_string(descriptor.size));
  if ((member.kind == BlobKind::manifest) != (kind == BlobKind::manifest))
    throw Error(ErrorCode::format, descriptor.digest.str() + " is used both as a manifest and as a config or layer");
  // One layer may be listed under Docker's and under the OCI's type; the choice must not depend on the order of images.
  member.kind = std::min(member.kind, kind);
  member.media_type = std::min(member.media_type, descriptor.media_type);
  if (members_.size() > max_blobs) throw Error(ErrorCode::format, "more than " + std::to_string(max_blobs) + " blobs");
  return added;
}

void Closure::visit(const oci::Descriptor& descriptor, const oci::PlatformSelection& platforms,
                    const Documents& documents, unsigned depth) {
  if (depth > max_depth)
    throw Error(ErrorCode::format, "indexes are nested deeper than " + std::to_string(max_depth) + " levels");
  if (!note(descriptor, BlobKind::manifest)) return;
  within([&] { return "manifest " + descriptor.digest.str(); },
         [&] {
           const auto document = oci::parse_document(documents(descriptor), descriptor.media_type);
           if (const auto* index = document.index()) {
             for (const auto& member : oci::select_members(*index, platforms))
               visit(member, platforms, documents, depth + 1);
             return;
           }
           note(document.manifest()->config, BlobKind::config);
           for (const auto& layer : document.manifest()->layers) note(layer, BlobKind::layer);
         });
}

void Closure::add(const oci::Descriptor& root, const oci::PlatformSelection& platforms, const Documents& documents) {
  visit(root, platforms, documents, 0);
}

void Closure::add(const Image& image, const oci::PlatformSelection& platforms, const Documents& documents) {
  visit(image.descriptor, platforms, documents, 0);
  for (const oci::Descriptor& referrer : image.referrers) visit(referrer, platforms, documents, 0);
}

std::vector<Blob> Closure::ordered() const {
  std::vector<Blob> blobs;
  blobs.reserve(members_.size());
  for (const BlobKind kind : {BlobKind::manifest, BlobKind::config, BlobKind::layer})
    for (const auto& [digest, member] : members_)
      if (member.kind == kind) blobs.push_back({digest, member.size, member.media_type});
  return blobs;
}

}  // namespace airlock::bundle
