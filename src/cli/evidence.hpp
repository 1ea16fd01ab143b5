// SPDX-License-Identifier: Apache-2.0
// The findings of verification, as text and JSON.
#pragma once

#include <string>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/trust/evidence.hpp"

namespace airlock::cli {

Json evidence_json(const trust::Evidence& evidence);
/// Lines, each with its line end.
std::string evidence_text(const trust::Evidence& evidence);

/// Signatures and statements that nobody checked, marked as such. `sums`: digest of what they have to be about.
Json claims_json(const std::vector<trust::Claim>& claims, const oci::Digest& sums);
std::string claims_text(const std::vector<trust::Claim>& claims, const oci::Digest& sums);

/// "  key        text\n", as all verbs print their findings.
std::string line(std::string_view key, std::string_view text);

}  // namespace airlock::cli
