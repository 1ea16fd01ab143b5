// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/markup.hpp"

#include "airlock/base/text.hpp"

namespace airlock {

std::string escape_markup(std::string_view text) {
  std::string safe;
  for (const char c : without_controls(text, false)) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

}  // namespace airlock
