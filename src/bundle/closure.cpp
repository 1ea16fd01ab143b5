// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/closure.hpp"

#include <algorithm>
#include <set>

#include "airlock/base/error.hpp"

namespace airlock::bundle {

namespace {
constexpr unsigned max_depth = 4;           // an index of indexes is rare; more is an attack
constexpr std::size_t max_blobs = 200'000;  // as many entries as a bundle may have
}  // namespace

bool Closure::note(const oci::Descriptor& descriptor, BlobKind kind, bool artifact) {
  const auto [position, added] = members_.try_emplace(
      descriptor.digest, Member{kind, descriptor.size, descriptor.media_type, descriptor.platform, artifact});
  Member& member = position->second;
  member.artifact = member.artifact && artifact;
  if (added && members_.size() > max_blobs)
    throw Error(ErrorCode::format, "more than " + std::to_string(max_blobs) + " blobs");
  if (added) return true;
  const std::string what = descriptor.digest.str();
  if (member.size != descriptor.size)
    throw Error(ErrorCode::format, "two descriptors give " + what + " different sizes: " + std::to_string(member.size) +
                                       " and " + std::to_string(descriptor.size));
  if ((member.kind == BlobKind::manifest) != (kind == BlobKind::manifest))
    throw Error(ErrorCode::format, what + " is used both as a manifest and as a config or layer");
  const auto types = [&] { return member.media_type + " and " + descriptor.media_type; };
  if (kind == BlobKind::manifest && member.media_type != descriptor.media_type)
    throw Error(ErrorCode::format, "two descriptors give " + what + " different types: " + types());
  const auto one = oci::media_type::layer_compression(member.media_type);
  const auto other = oci::media_type::layer_compression(descriptor.media_type);
  if (one && other && *one != *other)
    throw Error(ErrorCode::format, "two descriptors say that " + what + " is compressed in different ways: " + types());
  // One layer may be listed under Docker's and under the OCI's type, and `{}` is the config of many kinds of artifacts;
  // the choice must not depend on the order of images.
  member.kind = std::min(member.kind, kind);
  member.media_type = std::min(member.media_type, descriptor.media_type);
  return false;
}

void Closure::visit(const oci::Descriptor& descriptor, const Walk& walk, unsigned depth) {
  if (depth > max_depth)
    throw Error(ErrorCode::format, "indexes are nested deeper than " + std::to_string(max_depth) + " levels");
  if (!note(descriptor, BlobKind::manifest, walk.artifact)) return;
  within([&] { return "manifest " + descriptor.digest.str(); },
         [&] {
           const auto document = oci::parse_document(walk.documents(descriptor), descriptor.media_type);
           Said& said = said_[descriptor.digest];
           said.subject = document.subject();
           if (const auto* index = document.index()) {
             for (const auto& member : oci::select_members(*index, walk.platforms)) {
               said.members.push_back(member.digest);
               visit(member, {walk.platforms, walk.documents, walk.artifact || oci::is_attestation(member)}, depth + 1);
             }
             return;
           }
           note(document.manifest()->config, BlobKind::config, walk.artifact);
           for (const auto& layer : document.manifest()->layers) note(layer, BlobKind::layer, walk.artifact);
         });
}

void Closure::add(const oci::Descriptor& root, const oci::PlatformSelection& platforms, const Documents& documents) {
  visit(root, {platforms, documents, false}, 0);
}

/// Its list of referrers would be written under the subject's name: that may only be the image's or its manifests'.
void Closure::check_subject(const oci::Digest& referrer, const oci::Digest& image) const {
  const auto& subject = said_.at(referrer).subject;
  std::vector<oci::Digest> open{image};
  std::set<oci::Digest> seen;
  while (subject && !open.empty()) {
    const oci::Digest next = open.back();
    open.pop_back();
    if (next == *subject) return;
    const auto said = said_.find(next);
    if (!seen.insert(next).second || said == said_.end()) continue;
    open.insert(open.end(), said->second.members.begin(), said->second.members.end());
  }
  if (subject)
    throw Error(ErrorCode::format, "its referrer " + referrer.str() + " is about another image, " + subject->str());
}

void Closure::add(const Image& image, const oci::PlatformSelection& platforms, const Documents& documents) {
  visit(image.descriptor, {platforms, documents, false}, 0);
  for (const Referrer& referrer : image.referrers) {
    visit(referrer.descriptor, {platforms, documents, true}, 0);
    check_subject(referrer.descriptor.digest, image.descriptor.digest);
  }
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
