// SPDX-License-Identifier: Apache-2.0
#include "review/html.hpp"

#include "airlock/base/markup.hpp"
#include "airlock/base/text.hpp"

namespace airlock::review {

std::string html(std::string_view text) { return escape_markup(text); }

std::string html(std::string_view text, std::size_t limit) {
  return text.size() <= limit ? html(text) : html(clipped(text, limit)) + "…";
}

std::string definition(std::string_view name, const std::string& value) {
  return value.empty() ? "" : "<dt>" + html(name) + "</dt><dd>" + value + "</dd>";
}

}  // namespace airlock::review
