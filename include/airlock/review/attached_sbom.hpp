// SPDX-License-Identifier: Apache-2.0
// Lists of software that upstream attached to an image, compared with what its layers hold.
#pragma once

#include <string>
#include <vector>

#include "airlock/bundle/reader.hpp"
#include "airlock/review/layer_inventory.hpp"
#include "airlock/review/package_url.hpp"

namespace airlock::review {

struct PlatformImage;

/// Software that only upstream's list names.
struct DeclaredPackage {
  PackageUrl url;
  std::string text;  ///< the package URL as written: printable ASCII without spaces, at most 1 KiB
};

struct AttachedSbom {
  oci::Digest digest;   ///< of the blob that holds it
  std::string format;   ///< "SPDX" or "CycloneDX"; empty where it was not read
  std::string problem;  ///< why it was not read or not compared
  std::size_t both = 0;
  std::vector<DeclaredPackage> only_there;  ///< ordered by package URL
  std::vector<Package> only_here;           ///< ordered

  /// What is only here, of kinds that the list does name: a list of a distribution's packages says nothing of modules
  /// that are compiled into programs.
  std::vector<Package> unexpected() const;
  std::vector<std::string> kinds;  ///< types of package URLs that the list names, sorted
};

/// The SPDX 2 and 3 and CycloneDX documents (JSON) that are attached to an image's platform or to the whole of it: as
/// referrers (distribution-spec v1.1), under cosign's tags, as BuildKit's attestations, and in attestations of in-toto
/// and sigstore. Nobody checks their signatures here. A statement that is about other images is a problem, and is not
/// compared. Package URLs are compared by type, name and version. Memory: up to 32 MiB of text for each;
/// of more than eight, the first ones are read.
std::vector<AttachedSbom> read_attached_sboms(const bundle::BundleContent& bundle, const PlatformImage& image,
                                              const ImageInventory& inventory);

}  // namespace airlock::review
