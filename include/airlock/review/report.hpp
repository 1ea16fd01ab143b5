// SPDX-License-Identifier: Apache-2.0
// The review page: one file of HTML that needs nothing else, for a yes or a no.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "airlock/records/inventory.hpp"
#include "airlock/review/findings.hpp"
#include "airlock/review/image_difference.hpp"
#include "airlock/review/image_summary.hpp"
#include "airlock/review/inventory.hpp"
#include "airlock/trust/evidence.hpp"

namespace airlock::review {

struct ReportInput {
  std::string name;  ///< the bundle's file name
  std::string tool;  ///< "airlock 0.1.0"
  const bundle::BundleContent* bundle = nullptr;
  std::optional<trust::Evidence> evidence;  ///< nothing: signatures were not checked
  std::string refusal;                      ///< why verification refused it; empty where it did not
  std::vector<trust::Claim> signatures;     ///< where they were not checked
  oci::Digest sums_digest = oci::sha256("");
  std::vector<ImageSummary> images;
  std::vector<InventoriedImage> software;   ///< empty: not looked for
  std::optional<records::Inventory> since;  ///< an earlier bundle, lock file or receipt
  std::vector<ImageDifference> inside;      ///< what changed since that bundle inside of images
  std::vector<Finding> findings;            ///< of scanners, not yet placed
  std::vector<std::string> findings_files;  ///< names of the files that they came from
  std::vector<std::string> commands;        ///< that check it without airlock, each a line
};

/// Something that a reviewer should look at.
struct Hint {
  std::string what;   ///< "runs as root"
  std::string image;  ///< its reference
  std::string detail;
  bool grave = false;
};

/// Grave ones first, then by what and image.
std::vector<Hint> hints_of(const ReportInput& input);

/// HTML that makes no request, runs no script but its own (Content-Security-Policy with hashes), and takes every text
/// of images and bundles for text. Equal inputs give equal pages.
std::string report_page(const ReportInput& input);

}  // namespace airlock::review
