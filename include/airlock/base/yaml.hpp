// SPDX-License-Identifier: Apache-2.0
// Strict YAML: files that people write and airlock decides by (policies). It is read into the same values as JSON, so
// that both are taken apart with JsonObject.
#pragma once

#include <string_view>

#include "airlock/base/json.hpp"

namespace airlock {

/// Parses one YAML document. Beyond what yaml-cpp refuses: duplicate keys, anchors, aliases, merge keys, tags, a second
/// document, keys that are no plain text, and whatever is past the limits. `what` names the text in the Error (code
/// `format`), which also says the line.
///
/// Scalars: decimal integers are numbers, `true` and `false` booleans, `~`, `null` and nothing are null. All others,
/// and all quoted ones, are strings; so are 1.29, yes and 012, of which YAML's versions think differently.
Json parse_yaml(std::string_view text, std::string_view what, const JsonLimits& limits = {1U << 20, 16, 1U << 16});

}  // namespace airlock
