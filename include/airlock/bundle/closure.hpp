// SPDX-License-Identifier: Apache-2.0
// Everything that belongs to an image: the manifests, configs and layers that its descriptor reaches. Export plans with
// it, verification compares with it, import pushes by it: there is one answer to "what is an image".
#pragma once

#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "airlock/bundle/metadata.hpp"
#include "airlock/oci/manifest.hpp"

namespace airlock::bundle {

enum class BlobKind { manifest, config, layer };

struct Member {
  BlobKind kind;
  std::uint64_t size = 0;
  std::string media_type;
};

/// The blobs of one or more images, each once.
class Closure {
 public:
  /// Gives the bytes of a manifest or index.
  using Documents = std::function<std::string_view(const oci::Descriptor&)>;

  /// Adds all that `root` reaches. Indexes are followed to the members that `platforms` takes. An Error (code `format`)
  /// for malformed documents, a digest with two sizes, indexes nested deeper than four, and absurd numbers of members.
  void add(const oci::Descriptor& root, const oci::PlatformSelection& platforms, const Documents& documents);

  /// The image with its referrers.
  void add(const Image& image, const oci::PlatformSelection& platforms, const Documents& documents);

  const std::map<oci::Digest, Member>& members() const { return members_; }

  /// In the archive's order: manifests, configs, layers; within each by digest.
  std::vector<Blob> ordered() const;

 private:
  void visit(const oci::Descriptor& descriptor, const oci::PlatformSelection& platforms, const Documents& documents,
             unsigned depth);
  bool note(const oci::Descriptor& descriptor, BlobKind kind);
  std::map<oci::Digest, Member> members_;
};

}  // namespace airlock::bundle
