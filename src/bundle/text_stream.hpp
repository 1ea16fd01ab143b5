// SPDX-License-Identifier: Apache-2.0
// Long texts are written in pieces, so that the whole is not held in memory.
#pragma once

#include <string>
#include <string_view>

#include "airlock/bundle/pieces.hpp"

namespace airlock::bundle {

/// Makes few large pieces of many small ones.
class TextStream {
 public:
  explicit TextStream(const TextSink& sink) : sink_(sink) {}
  ~TextStream() = default;
  TextStream(const TextStream&) = delete;
  TextStream& operator=(const TextStream&) = delete;

  TextStream& operator<<(std::string_view text) {
    pending_ += text;
    if (pending_.size() >= piece_size) flush();
    return *this;
  }
  /// REQUIRES: called after the last text.
  void flush() {
    sink_(pending_);
    pending_.clear();
  }

 private:
  static constexpr std::size_t piece_size = 64U << 10;
  const TextSink& sink_;
  std::string pending_;
};

}  // namespace airlock::bundle
