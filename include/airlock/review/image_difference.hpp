// SPDX-License-Identifier: Apache-2.0
// What changed inside of images between two bundles.
#pragma once

#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/review/image_summary.hpp"
#include "airlock/review/inventory.hpp"

namespace airlock::review {

struct DifferenceOptions {
  bool packages = false;  ///< software, by reading all layers of the images that changed
  bool files = false;     ///< files of their merged file systems, by content
  InventoryOptions layers = {};
  /// The software of the later bundle, where it was read already. May be null.
  const std::vector<InventoriedImage>* software_after = nullptr;
};

/// Of an image that is in both under one reference, with different content; or whose repository has one tag in each,
/// and another one: the later image takes the place of the earlier.
struct ImageDifference {
  std::string source;
  std::string before;                 ///< the earlier image's reference; often the same
  std::vector<std::string> settings;  ///< "linux/amd64: user: 1000, was root"
  std::vector<std::string> packages;  ///< "linux/amd64: + deb curl 8.1", "- …", "~ deb openssl 3.0.11, was 3.0.9"
  std::vector<std::string> files;     ///< "linux/amd64: + /usr/bin/x"
};

/// Ordered by the later image's reference.
std::vector<ImageDifference> compare_images(const bundle::BundleContent& before, const bundle::BundleContent& after,
                                            const DifferenceOptions& options, Reporter& reporter);

}  // namespace airlock::review
