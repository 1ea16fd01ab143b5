// SPDX-License-Identifier: Apache-2.0
// How scanners write what they find.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/review/findings.hpp"

namespace airlock::review {

/// Of a word, as each tool spells it.
Severity severity_of(std::string_view word);

/// Digests in a text such as "repo@sha256:…", "sha256:…" or, of a package URL, "pkg:oci/name@sha256%3A…?arch=…".
void add_digest(std::string value, std::set<std::string>& into);

/// Takes the package of a package URL; nothing happens for what is none.
void take_purl(const std::string& text, Finding& into);

/// SARIF 2.1.0. It has no field for a package: scanners write it into texts (scanner_files.cpp says which).
std::vector<Finding> read_sarif(const Json& root);

}  // namespace airlock::review
