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

/// A manifest that refers to an image and travels with it: a signature, an attestation, an SBOM.
struct Referrer {
  oci::Descriptor descriptor;
  std::optional<oci::Tag>
      tag;  ///< under which cosign looks for it: always one of the image's own (oci::find_cosign_tag)
};

struct Image {
  oci::Reference source;
  oci::Descriptor descriptor;  ///< of what upstream served
  std::vector<std::string> components;
  std::vector<std::string> groups;
  std::vector<Referrer> referrers;
};

struct Blob {
  oci::Digest digest;
  std::uint64_t size = 0;
  std::string media_type;
  auto operator<=>(const Blob&) const = default;
};

enum class BaseKind { bundle, lock, receipt };
/// "bundle", "lock", "receipt".
std::string to_string(BaseKind kind);

/// Something that holds what a delta leaves out.
struct BaseSource {
  BaseKind kind = BaseKind::bundle;
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
  /// The strict reverse: unknown keys, any other form than format()'s, and what is said twice and differs are an Error
  /// (code `format`).
  static Metadata parse(std::string_view text);
};

/// Checks an image that came from outside, from a bundle or a lock file: a pinned source is the descriptor's digest,
/// and no referrer is there twice. An Error (code `format`).
void check_image(const Image& image);
/// A referrer's tag as bundles and lock files have it; an Error (code `format`) for any but the image's own.
oci::Tag parse_referrer_tag(const std::string& text, const oci::Digest& image);

/// index.json: one descriptor per image, under its full source reference, as skopeo and containerd look it up. It
/// follows from the images alone.
std::string format_index(const std::vector<Image>& images);

/// The whole content of oci-layout (OCI image-spec v1.1, image-layout.md).
inline constexpr std::string_view oci_layout_content = R"({"imageLayoutVersion":"1.0.0"})";

}  // namespace airlock::bundle
