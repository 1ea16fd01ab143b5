// SPDX-License-Identifier: Apache-2.0
// The images of a bundle at a glance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "airlock/bundle/reader.hpp"
#include "airlock/review/image_details.hpp"
#include "airlock/review/inventory.hpp"

namespace airlock::review {

/// One platform of an image, with what its config says.
struct PlatformDetails {
  PlatformImage image;
  ImageDetails details;
  bool known = true;  ///< false: a delta does not carry its config, and the details say nothing

  /// "linux/arm64": of its index, else of its config.
  std::string platform_name() const;
};

struct ImageSummary {
  const records::Image* image = nullptr;
  const char* kind = "image";   ///< or chart, file, artifact
  std::uint64_t bytes = 0;      ///< of all that it consists of, referrers too
  std::uint64_t own_bytes = 0;  ///< of what no other image of the bundle has
  std::size_t layers = 0;       ///< the most of a platform
  std::string created;          ///< of the youngest platform; empty where none says
  std::string source;           ///< labels of the first platform that has them
  std::string revision;
  std::string version;
  std::string licenses;
  bool root = false;  ///< some platform runs as root
  std::vector<PlatformDetails> platforms;
};

/// In the bundle's order. Configs that a delta does not carry count as saying nothing.
std::vector<ImageSummary> summarize(const bundle::BundleContent& bundle);

/// The bytes of a document or config. An Error (code `format`) for one larger than `limit`. REQUIRES: the bundle has
/// it.
std::string read_blob(const bundle::BundleContent& bundle, const oci::Digest& digest, std::size_t limit);

}  // namespace airlock::review
