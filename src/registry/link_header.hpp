// SPDX-License-Identifier: Apache-2.0
// The Link header (RFC 8288), by which registries say where a list continues (distribution-spec, "Listing Referrers").
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace airlock::registry {

/// The URL, absolute or relative, of the first link with `rel=next` in these header values; nothing at a list's end.
std::optional<std::string> next_page(const std::vector<std::string>& links);

}  // namespace airlock::registry
