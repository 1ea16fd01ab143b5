// SPDX-License-Identifier: Apache-2.0
// The findings of verification, as text and JSON.
#pragma once

#include <string>

#include "airlock/base/json.hpp"
#include "airlock/trust/evidence.hpp"

namespace airlock::cli {

Json evidence_json(const trust::Evidence& evidence);
/// Lines, each with its line end.
std::string evidence_text(const trust::Evidence& evidence);

/// "  key        text\n", as all verbs print their findings.
std::string line(std::string_view key, std::string_view text);

}  // namespace airlock::cli
