// SPDX-License-Identifier: Apache-2.0
// Long texts a piece at a time: the metadata of thousands of images has megabytes, and need not be in memory whole.
#pragma once

#include <functional>
#include <string_view>

namespace airlock::bundle {

/// Takes a text, in order.
using TextSink = std::function<void(std::string_view piece)>;

/// Gives a text.
using TextWriter = std::function<void(const TextSink& sink)>;

/// Whether that is exactly this text.
inline bool is_text(std::string_view text, const TextWriter& write) {
  bool same = true;
  write([&](std::string_view piece) {
    same = same && text.starts_with(piece);
    if (same) text.remove_prefix(piece.size());
  });
  return same && text.empty();
}

}  // namespace airlock::bundle
