// SPDX-License-Identifier: Apache-2.0
// Texts of others inside HTML and XML.
#pragma once

#include <string>
#include <string_view>

namespace airlock {

/// Text as the content of an element or the value of a quoted attribute: no markup, no control characters, no direction
/// marks.
std::string escape_markup(std::string_view text);

}  // namespace airlock
