// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/findings.hpp"

#include <fmt/format.h>

namespace airlock {

void Findings::conclude() const {
  if (errors_.empty()) return;
  if (errors_.size() == 1) throw Error(errors_.front());
  std::string text = fmt::format("{} problems found:", errors_.size());
  std::size_t number = 1;
  for (const Error& error : errors_) {
    std::string what = error.what();
    for (std::size_t at = what.find('\n'); at != std::string::npos; at = what.find('\n', at + 1))
      what.insert(at + 1, "   ");
    text += fmt::format("\n  {}. {}", number++, what);
    if (!error.hint().empty()) text += "\n     next: " + error.hint();
  }
  throw Error(errors_.front().code(), text).hint("fix them all, then run the same command again; nothing was written");
}

}  // namespace airlock
