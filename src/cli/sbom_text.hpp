// SPDX-License-Identifier: Apache-2.0
// The software of images for people and for scripts of one's own, beside the standard documents.
#pragma once

#include <memory>

#include "airlock/review/sbom.hpp"

namespace airlock::cli {

/// A table for each image, with what upstream's own lists have to say about it.
std::unique_ptr<review::SbomWriter> table_writer(review::SbomWriter::Sink sink);
/// One JSON object with an array `images`, an image at a time.
std::unique_ptr<review::SbomWriter> json_writer(review::SbomWriter::Sink sink);

}  // namespace airlock::cli
