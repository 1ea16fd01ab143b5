// SPDX-License-Identifier: Apache-2.0
// Everything that belongs to an image: the manifests, configs and layers that its descriptor reaches. Export plans with
// it, verification compares with it, import pushes by it: there is one answer to "what is an image".
#pragma once

#include <functional>
#include <map>
#include <optional>
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
  std::optional<oci::Platform> platform;  ///< of a manifest: what the index says that names it
  bool artifact = false;                  ///< of a manifest: only refers to an image, or attests one; no node runs it
};

/// The blobs of one or more images, each once.
class Closure {
 public:
  /// Gives the bytes of a manifest or index.
  using Documents = std::function<std::string_view(const oci::Descriptor&)>;

  /// Adds all that `root` reaches. Indexes are followed to the members that `platforms` takes. An Error (code `format`)
  /// for malformed documents, a digest with two sizes, kinds or ways of unpacking, indexes nested deeper than four, and
  /// absurd numbers of members.
  void add(const oci::Descriptor& root, const oci::PlatformSelection& platforms, const Documents& documents);

  /// The image with its referrers, each of which is about the image or one of its manifests: an Error (code `format`)
  /// where its `subject` is another.
  void add(const Image& image, const oci::PlatformSelection& platforms, const Documents& documents);

  const std::map<oci::Digest, Member>& members() const { return members_; }

  /// In the archive's order: manifests, configs, layers; within each by digest.
  std::vector<Blob> ordered() const;

 private:
  struct Walk {
    const oci::PlatformSelection& platforms;
    const Documents& documents;
    bool artifact;  // below something that no node runs
  };
  void visit(const oci::Descriptor& descriptor, const Walk& walk, unsigned depth);
  bool note(const oci::Descriptor& descriptor, BlobKind kind, bool artifact);
  void check_subject(const oci::Digest& referrer, const oci::Digest& image) const;

  /// What a manifest says, as far as others are held to it.
  struct Said {
    std::vector<oci::Digest> members;
    std::optional<oci::Digest> subject;
  };
  std::map<oci::Digest, Member> members_;
  std::map<oci::Digest, Said> said_;
};

}  // namespace airlock::bundle
