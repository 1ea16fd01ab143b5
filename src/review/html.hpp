// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace airlock::review {

/// Text as the content of an element or the value of an attribute in double quotes: no markup, no control characters,
/// no direction marks.
std::string html(std::string_view text);

/// The same, at most `limit` bytes of it.
std::string html(std::string_view text, std::size_t limit);

/// A row of a definition list; the value is HTML. Nothing for an empty one.
std::string definition(std::string_view name, const std::string& value);

}  // namespace airlock::review
