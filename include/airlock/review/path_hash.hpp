// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace airlock::review {

/// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") of paths, with a key that nobody else knows:
/// who makes an image cannot choose two paths that have the same hash, to hide a file.
class PathHash {
 public:
  using Key = std::array<std::uint64_t, 2>;
  static Key random_key();

  explicit PathHash(const Key& key) : key_(key) {}
  std::uint64_t operator()(std::string_view path) const;

 private:
  Key key_;
};

}  // namespace airlock::review
