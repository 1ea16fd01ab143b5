// SPDX-License-Identifier: Apache-2.0
// Shared by bundle.json, lock files and receipts: the selection, and the images that it resolved to.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "airlock/base/interned.hpp"
#include "airlock/base/json.hpp"
#include "airlock/oci/graph.hpp"
#include "airlock/oci/graph_builder.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::records {

/// The selection that the bundle was made from.
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
  std::optional<oci::Tag> tag;  ///< under which cosign looks for it (oci::cosign_subject)
};

/// An image of the selection that is not in the set, because upstream did not have it.
struct Missing {
  oci::Reference source;
  std::string reason;  ///< as the exporter saw it
};

struct Image {
  oci::Reference source;
  oci::Descriptor descriptor;  ///< of what upstream served
  std::vector<std::string> components;
  std::vector<std::string> groups;
  std::vector<Referrer> referrers;
  /// Of an index: all its members travel, whatever the platform selection, as somebody asks for it by digest.
  bool whole = false;
};

struct Blob {
  oci::Digest digest;
  std::uint64_t size = 0;
  Interned media_type;
  auto operator<=>(const Blob&) const = default;
};

/// The blobs of nodes, in their order.
std::vector<Blob> blobs_of(const oci::Nodes& nodes);

/// An image and its referrers: what its closure begins with.
std::vector<oci::Digest> roots_of(const Image& image);
/// The same for several images.
std::vector<oci::Digest> roots_of(const std::vector<Image>& images);

/// The indexes of which all members travel: oci::GraphOptions::whole.
std::set<oci::Digest> whole_of(const std::vector<Image>& images);

/// Adds an image, and what refers to it, to the graph that is built. What came from outside is checked: a referrer's
/// tag is written into the local registry, so it must be about a document of the image or of its referrers. An Error
/// (code `format`). REQUIRES: the builder knows what is whole.
void add_to_graph(oci::GraphBuilder& builder, const Image& image, const oci::GraphBuilder::Fetch& fetch);

/// Checks an image that came from outside, from a bundle or a lock file: a pinned source is the descriptor's digest,
/// and no referrer appears twice. An Error (code `format`).
void check_image(const Image& image);
/// A referrer's tag as bundles and lock files have it; an Error (code `format`) for any that cosign would not look for.
/// What it is about is checked by add_to_graph().
oci::Tag parse_referrer_tag(const std::string& text);

/// `whole` of an image in bundles and lock files: true or absent; an Error (code `format`) for others.
bool parse_whole(const JsonObject& object);

}  // namespace airlock::records
