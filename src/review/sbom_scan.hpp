// SPDX-License-Identifier: Apache-2.0
// Reads what others wrote about software, without keeping the document.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "airlock/review/package_url.hpp"

namespace airlock::review {

/// What a JSON text says of software, or wraps.
struct SbomScan {
  std::string format;                       ///< "SPDX" or "CycloneDX"; empty for neither
  std::map<std::string, PackageUrl> found;  ///< by the package URL as written
  bool statement = false;                   ///< it is one about subjects (in-toto.io/Statement)
  std::set<std::string> subjects;           ///< SHA-256 digests of a statement's subjects, in hex
  std::string payload;                      ///< base64, of an envelope (DSSE), also in a bundle of sigstore
};

/// An Error (code `format`) for what is no JSON, is nested deeper than 100 or names more than 20,000 packages.
SbomScan scan_sbom(std::string_view text, const std::string& where);

}  // namespace airlock::review
