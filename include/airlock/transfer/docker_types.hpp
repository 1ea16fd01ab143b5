// SPDX-License-Identifier: Apache-2.0
// Docker's media types in the OCI's (image-spec v1.1, media-types.md, "Compatibility Matrix"): for registries that take
// no others, as zot without `compat: docker2s2`.
#pragma once

#include <string>
#include <vector>

#include "airlock/oci/graph.hpp"
#include "airlock/records/image.hpp"

namespace airlock::transfer {

/// Images of which a document has one of Docker's types.
std::vector<const records::Image*> docker_images(const std::vector<records::Image>& images, const oci::Graph& graph);

struct Converted {
  oci::Graph graph;
  std::vector<records::Image> images;  ///< in the order of the originals; those that were converted have no referrers
};

/// The same images with the OCI's types. Blobs stay as they are; documents of Docker's types, and indexes that name
/// them, get another digest, so what refers to them does not any more. An Error (code `selection`) names the images
/// that are asked for by digest. REQUIRES: the graph holds the images, whole. `platforms` is the selection that the
/// graph was built with.
Converted convert_docker_types(const oci::Graph& graph, const std::vector<records::Image>& images,
                               const oci::PlatformSelection& platforms);

}  // namespace airlock::transfer
