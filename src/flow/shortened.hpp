// SPDX-License-Identifier: Apache-2.0
// What an index that lacks platforms costs where a registry refuses it: it is stored shortened, under another digest.
#pragma once

#include <string>
#include <vector>

#include "airlock/oci/graph.hpp"
#include "airlock/records/image.hpp"

namespace airlock::flow {

/// What is said of what_is_lost() where a registry has refused the originals, and what helps.
inline constexpr const char* shortened_text =
    "the registry refuses indexes without all their platforms and has shortened ones with other digests, to which this "
    "does not apply";
inline constexpr const char* shortened_remedy =
    "export with --platform all; or let the registry take incomplete indexes (distribution: "
    "validation.manifests.indexes.platforms: none) and import again";

/// Images whose index would be shortened: those of which the graph has not all members.
std::vector<const records::Image*> incomplete_images(const std::vector<records::Image>& images,
                                                     const oci::Graph& graph);

/// One line for each image to whose shortened index something does not apply any more: its pinned digest, and the
/// signatures, attestations and SBOMs that are about the original. Sorted; empty where nothing is lost.
std::vector<std::string> what_is_lost(const std::vector<const records::Image*>& shortened, const oci::Graph& graph);

}  // namespace airlock::flow
