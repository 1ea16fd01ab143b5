// SPDX-License-Identifier: Apache-2.0
// bundle.json, index.json and oci-layout: what a bundle says of itself (docs/bundle-format.md). All three are written
// in canonical JSON, so a bundle's metadata has one form only, and reading checks that it is that form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/text.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::bundle {

inline constexpr std::string_view metadata_media_type = "application/vnd.airlock.bundle.v1+json";

/// What was asked for when the bundle was made.
struct Selection {
  std::string kubeone;  ///< release; empty for a set of the user's own images
  std::vector<std::string> filters;
  std::vector<std::string> kubernetes_versions;
  std::vector<std::string> platforms;  ///< words of oci::PlatformSelection
  std::string catalog_digest;
  std::string tool;  ///< "airlock 0.1.0"
};

struct Image {
  oci::Reference source;
  oci::Descriptor descriptor;  ///< of what upstream served
  std::vector<std::string> components;
  std::vector<std::string> groups;
  std::vector<oci::Descriptor> referrers;  ///< manifests that refer to the image and travel with it
};

struct Blob {
  oci::Digest digest;
  std::uint64_t size = 0;
  std::string media_type;
  auto operator<=>(const Blob&) const = default;
};

/// Something that holds what a delta leaves out.
struct BaseSource {
  std::string kind;                   ///< "bundle", "lock" or "receipt"
  std::optional<oci::Digest> bundle;  ///< SHA256SUMS digest, of the bundle or of the one that the receipt is for
  std::string stream;                 ///< empty where it is not known
  std::uint64_t serial = 0;
};

/// What a delta relies on: these blobs belong to its images, but are not in it.
struct Base {
  std::vector<BaseSource> sources;
  std::vector<Blob> blobs;  ///< in the archive's order; never manifests: those every bundle carries
};

/// bundle.json
struct Metadata {
  std::string stream = "default";
  std::uint64_t serial = 0;
  Time created{};
  std::optional<Time> expires;
  std::optional<oci::Digest> previous;  ///< SHA256SUMS digest of the bundle that this one follows
  Selection selection;
  std::vector<Image> images;  ///< ordered by source reference
  std::vector<Blob> blobs;    ///< every blob of the bundle, in the archive's order
  Base base;                  ///< empty for a bundle that is complete by itself

  std::string format() const;
  /// The strict reverse: unknown keys and any other form than format()'s are an Error (code `format`).
  static Metadata parse(std::string_view text);
};

/// index.json: one descriptor per image, under its full source reference, as skopeo and containerd look it up.
std::string format_index(const std::vector<Image>& images);

/// The whole content of oci-layout (OCI image-spec v1.1, image-layout.md).
inline constexpr std::string_view oci_layout_content = R"({"imageLayoutVersion":"1.0.0"})";

}  // namespace airlock::bundle
