// SPDX-License-Identifier: Apache-2.0
// bundle.json, index.json and oci-layout: what a bundle says of itself (docs/bundle-format.md). All three are written
// in canonical JSON, so a bundle's metadata has one form only, and reading checks that it is that form.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/text.hpp"
#include "airlock/bundle/pieces.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/records/image.hpp"
#include "airlock/records/inventory.hpp"

namespace airlock::bundle {

inline constexpr std::string_view metadata_media_type = "application/vnd.airlock.bundle.v1+json";

/// Something that holds what a delta leaves out.
struct BaseSource {
  records::InventoryKind kind = records::InventoryKind::bundle;
  std::optional<oci::Digest> bundle;  ///< SHA256SUMS digest, of the bundle or of the one that the receipt is for
  std::string stream;                 ///< empty where it is not known
  std::uint64_t serial = 0;
};

/// What a delta depends on: these blobs belong to its images, but are not in it.
struct Base {
  std::vector<BaseSource> sources;
  std::vector<records::Blob> blobs;  ///< in the archive's order; never manifests: those every bundle carries
};

using records::Missing;

/// bundle.json
struct Metadata {
  std::string stream = "default";
  std::uint64_t serial = 0;
  Time created{};
  std::optional<Time> expires;
  std::optional<oci::Digest> previous;  ///< SHA256SUMS digest of the bundle that this one follows
  records::Selection selection;
  std::vector<records::Image> images;  ///< ordered by source reference
  std::vector<records::Blob> blobs;    ///< every blob of the bundle, in the archive's order
  Base base;                           ///< empty for a bundle that is complete by itself

  /// What a later airlock adds, by name; values are canonical JSON. A reader that does not know a name ignores it, so
  /// nothing here may change what is imported under which name (docs/bundle-format.md, "Later versions").
  std::map<std::string, std::string> extensions;

  /// What was left out with the exporter's permission: the extension `missing`.
  std::vector<Missing> missing() const;
  /// An empty list removes it.
  void set_missing(const std::vector<Missing>& missing);

  /// The rules for names inside that the exporter checked for clashes: the extension `mapping`, import's default.
  std::vector<std::string> mapping_rules() const;
  /// No rules remove it.
  void set_mapping_rules(const std::vector<std::string>& rules);

  std::string format() const;
  /// The same text, a piece at a time.
  void write(const TextSink& sink) const;
  /// The strict reverse: unknown keys, any other form than format()'s, and what is said twice and differs are an Error
  /// (code `format`).
  static Metadata parse(std::string_view text);
};

/// index.json: one descriptor per image, under its full source reference, as skopeo and containerd look it up. It
/// follows from the images alone.
std::string format_index(const std::vector<records::Image>& images);
/// The same text, a piece at a time.
void write_index(const std::vector<records::Image>& images, const TextSink& sink);

/// The whole content of oci-layout (OCI image-spec v1.1, image-layout.md).
inline constexpr std::string_view oci_layout_content = R"({"imageLayoutVersion":"1.0.0"})";

}  // namespace airlock::bundle
