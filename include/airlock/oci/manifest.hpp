// SPDX-License-Identifier: Apache-2.0
// Descriptors, image manifests and image indexes: OCI image-spec v1.1 (descriptor.md, manifest.md, image-index.md) and
// Docker image manifest version 2, schema 2. The parsed form; the bytes are kept elsewhere, as served.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/oci/digest.hpp"
#include "airlock/oci/platform.hpp"

namespace airlock::oci {

namespace media_type {
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_index = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view oci_layout = "application/vnd.oci.layout.header.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
/// Whether a blob of this type lists other blobs.
bool is_manifest(std::string_view type);
bool is_index(std::string_view type);
/// Whether it is the config of an image that nodes run; artifacts have others.
bool is_image_config(std::string_view type);

/// Whether it is, or claims to be, a layer that nodes unpack, with any compression.
bool is_layer(std::string_view type);

/// Whether it is a layer that its publisher does not let registries distribute (image-spec v1.1, layer.md,
/// "Non-Distributable Layers"; Docker's foreign layers): a registry may lack it.
bool is_foreign_layer(std::string_view type);

/// How the tar in an image layer is compressed.
enum class Compression { none, gzip, zstd };
/// Of a layer type of the OCI (image-spec v1.1, layer.md; also the non-distributable ones) or of Docker
/// (docs/spec-v2-2); nothing for other types.
std::optional<Compression> layer_compression(std::string_view type);
}  // namespace media_type

/// Size limit for manifests and indexes: the limit that the OCI distribution-spec asks registries to allow.
inline constexpr std::size_t max_manifest_size = 4U << 20;

/// Points at content. `urls` are not followed, so they are not kept.
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;  ///< bytes
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;

  /// Checks types, ranges and, where `data` is embedded, that it has this size and digest. An empty platform is none.
  static Descriptor from_json(const JsonObject& object);
  Json to_json() const;
};

/// One image for one platform.
struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Digest> subject;  ///< what it refers to (image-spec v1.1, "subject")
};

/// Several images behind one name.
struct Index {
  std::vector<Descriptor> manifests;
  std::optional<Digest> subject;
};

/// How a referrer is listed (distribution-spec v1.1, "Listing Referrers").
struct Listing {
  std::string artifact_type;  ///< the config's media type, where the manifest has none of its own
  std::map<std::string, std::string> annotations;
};

/// A parsed manifest blob.
struct Document {
  std::string media_type;
  std::variant<Manifest, Index> content;
  Listing listing = {};  ///< of one with a subject
  const Manifest* manifest() const { return std::get_if<Manifest>(&content); }
  const Index* index() const { return std::get_if<Index>(&content); }
  const std::optional<Digest>& subject() const {
    return std::visit([](const auto& one) -> const std::optional<Digest>& { return one.subject; }, content);
  }
};

/// A document as served by a source.
struct RawDocument {
  std::string media_type;
  std::string bytes;
  Digest digest;  ///< computed from the bytes
};

/// Parses a manifest blob whose descriptor or HTTP header says `expected_media_type`. An Error (code `format`) where
/// the body disagrees, is both manifest and index (CVE-2021-41190), can be read in two ways (spelling.hpp), or is of a
/// type that airlock does not support.
Document parse_document(std::string_view bytes, std::string_view expected_media_type);

/// What refers to a manifest, as a registry lists it (distribution-spec v1.1, "Listing Referrers"). It is somebody
/// else's list: an entry that cannot be read does not spoil the others.
struct ReferrerList {
  std::vector<Descriptor> entries;
  std::vector<std::string> unreadable;  ///< why

  /// Adds a page of it; an Error (code `format`) for what is no list at all.
  void add(std::string_view bytes);
};

/// The media type of a manifest that a registry served as `content_type`: what the document says of itself, as proxies
/// and stores serve all kinds as application/json or text/plain (github.com/goharbor/harbor/issues/7853); else the
/// header, if it names a manifest; else what its members make it. An Error (code `format`) where it is no JSON at all.
std::string served_type(const std::string& content_type, std::string_view bytes);

/// Number of documents that this process has parsed, for tests that each is parsed once.
std::uint64_t documents_parsed();

/// Whether an index's member is a BuildKit attestation of another member, and no image (moby/buildkit
/// docs/attestations/attestation-storage.md).
bool is_attestation(const Descriptor& member);

/// The members of an index that a platform selection takes: matching platforms, members without a platform, and
/// BuildKit attestations (platform unknown/unknown) of members that are taken.
std::vector<Descriptor> select_members(const Index& index, const PlatformSelection& platforms);

/// The same index with only the members in `present`: what is pushed where a registry refuses a sparse index.
/// Other content of the index stays; the result is canonical, so equal inputs give equal digests.
std::string derive_index(std::string_view index_bytes, const std::set<Digest>& present);

}  // namespace airlock::oci
