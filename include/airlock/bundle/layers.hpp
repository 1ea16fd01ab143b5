// SPDX-License-Identifier: Apache-2.0
// Do the layers unpack to what their images say? A digest proves that a layer arrived as upstream served it, not that
// upstream served something that a node can run: containerd compares the unpacked layer with the config (OCI image-spec
// v1.1, config.md, rootfs.diff_ids) and refuses the image on a node, at the worst time.
#pragma once

#include <cstdint>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"

namespace airlock::bundle {

/// SHA-256 of the tar inside a layer: its diff ID. Takes gzip (RFC 1952), zstd (RFC 8878, skippable frames too) and no
/// compression, by the media type; an Error (code `format`) for others and for data that does not unpack.
oci::Digest diff_id(BlobReader layer, std::string_view media_type);

/// Unpacks every layer of every image once, `jobs` at a time, in bounded memory, and compares. An Error (code `format`)
/// names image and layer. Artifacts that are no images (signatures, SBOMs) have nothing to compare. Returns how many
/// layers were unpacked.
std::uint64_t check_layers(const VerifiedBundle& bundle, unsigned jobs, Reporter& reporter);

}  // namespace airlock::bundle
