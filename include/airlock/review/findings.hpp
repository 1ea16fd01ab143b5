// SPDX-License-Identifier: Apache-2.0
// What scanners found, as they write it: Grype's and Trivy's JSON, SARIF 2.1.0, CycloneDX with vulnerabilities,
// OpenVEX. airlock looks for no weaknesses itself; it says which images of a bundle a finding is about.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/review/inventory.hpp"
#include "airlock/review/package_url.hpp"

namespace airlock::review {

/// In the order in which they are shown.
enum class Severity { critical, high, medium, low, negligible, unknown };
/// "critical", ...
std::string to_string(Severity severity);

struct Finding {
  std::string id;  ///< "CVE-2024-3094"
  Severity severity = Severity::unknown;
  std::string package;  ///< name as the scanner writes it
  std::string version;
  std::string fixed;  ///< the version that has a remedy; may be empty
  std::string text;   ///< a title or message; may be empty
  /// Of VEX: "not_affected", "fixed", "affected", "under_investigation"; empty: a finding of a scanner.
  std::string status;
  std::set<std::string> digests;       ///< of images that it names: manifests or configs
  std::set<std::string> repositories;  ///< of images that it names without a digest: "ghcr.io/a/b", "ghcr.io/a/b:tag"
  std::optional<PackageUrl> purl;      ///< of the package
  std::optional<Instant> time = {};    ///< of a statement of VEX

  bool names_images() const { return !digests.empty() || !repositories.empty(); }
};

/// Reads one file. An Error (code `format`) for what is none of these forms; `where` names it.
std::vector<Finding> read_findings(std::string_view content, const std::string& where);

/// A finding, and the images of the bundle that it is about.
struct PlacedFinding {
  Finding finding;
  std::vector<std::string> images;  ///< references, sorted
  bool is_new = false;              ///< one of them is new or changed
};

struct PlacedFindings {
  std::vector<PlacedFinding> placed;  ///< new ones first, then by severity
  std::vector<Finding> elsewhere;     ///< about no image of the bundle, in their order
};

/// By the image where a finding names one, else by the package and version that an image holds. What VEX says is not
/// affected or fixed is left out, where the latest statement of all files that may be about it says so, and is about
/// this very package and platform. `fresh`: references of images that are new or changed since the last bundle.
PlacedFindings place_findings(const std::vector<Finding>& findings, const std::vector<InventoriedImage>& images,
                              const std::set<std::string>& fresh);

}  // namespace airlock::review
