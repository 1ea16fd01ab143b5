// SPDX-License-Identifier: Apache-2.0
// What verbs that look into bundles share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "airlock/flow/open_for_review.hpp"
#include "airlock/review/inventory.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

struct ReviewOptions {
  std::string bundle;
  TrustOptions trust;

  void add_to(CLI::App& verb);
  /// Verified, where a key or policy is given.
  flow::OpenedBundle open(Reporter& reporter, bundle::BlobCheck blobs = bundle::BlobCheck::on_read) const;
};

/// `--jobs` and `--cache` of what reads layers.
struct LayerOptions {
  unsigned jobs = 0;
  bool cache = false;

  void add_to(CLI::App& verb);
  /// REQUIRES: what open_cache() gave lives as long.
  review::InventoryOptions inventory(const review::InventoryCache* known) const;
  /// Null where it is not wanted.
  std::unique_ptr<review::InventoryCache> open_cache(const TrustOptions& trust) const;
};

/// `--image` and `--platform`: images by their reference, or a pattern with `*`.
struct ImageChoice {
  std::vector<std::string> images;
  std::string platform;

  void add_to(CLI::App& verb);
  /// Whether an image is among the chosen ones; all are, where none is named.
  bool takes(const records::Image& image) const;
  /// The chosen images for the chosen platforms. An Error (code `usage`) where there is none.
  std::vector<review::PlatformImage> platforms_of(const bundle::BundleContent& bundle) const;
};

}  // namespace airlock::cli
