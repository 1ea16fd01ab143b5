// SPDX-License-Identifier: Apache-2.0
// Do the layers unpack to what their images say? A digest proves that a layer arrived as upstream served it, not that
// upstream served something that a node can run: containerd compares the unpacked layer with the config (OCI image-spec
// v1.1, config.md, rootfs.diff_ids) and refuses the image on a node, at the worst time.
#pragma once

#include <cstdint>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"

namespace airlock::bundle {

/// SHA-256 of the tar inside a layer: its diff ID. Errors as LayerStream.
oci::Digest diff_id(BlobReader layer, std::string_view media_type);

/// What was found, and what there was nothing to look for in.
struct LayerCheck {
  std::uint64_t unpacked = 0;   ///< layers
  std::uint64_t artifacts = 0;  ///< manifests of signatures, attestations and the like: no node unpacks them
  std::uint64_t elsewhere =
      0;  ///< layers that cannot be compared here, because a delta's base has them or their config
};

/// Unpacks every layer of every image once, `jobs` at a time, in bounded memory, and compares. An Error (code `format`)
/// names image and layer: other content, data behind its end, more than any layer unpacks to, an image that has nothing
/// to be compared with, a config for another platform than the index says.
LayerCheck check_layers(const VerifiedBundle& bundle, unsigned jobs, Reporter& reporter);

}  // namespace airlock::bundle
