// SPDX-License-Identifier: Apache-2.0
// Walks an archive from header to header.
#pragma once

#include <optional>
#include <string>

#include "airlock/bundle/medium.hpp"
#include "airlock/bundle/sums.hpp"
#include "airlock/bundle/tar.hpp"

namespace airlock::bundle {

/// Throws: the structure is not a bundle's.
[[noreturn]] void refuse_structure(const std::string& why);

struct Cursor {
  const ReadableMedium& medium;
  std::uint64_t position = 0;

  struct Found {
    tar::Entry entry;
    std::uint64_t offset = 0;  ///< of the content
    std::uint64_t size = 0;
  };

  /// The entry at the position, which moves behind it; nothing at the end mark, where it stays. An Error (code
  /// `format`) for a header, a size or a padding that is not right.
  std::optional<Found> next();
};

}  // namespace airlock::bundle
