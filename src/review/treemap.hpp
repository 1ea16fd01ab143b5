// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace airlock::review {

struct TreemapItem {
  std::string label;
  std::uint64_t own = 0;     ///< bytes that no other has
  std::uint64_t shared = 0;  ///< bytes that others have too
};

/// An SVG whose areas are bytes, largest first: squarified (Bruls, Huizing and van Wijk, "Squarified Treemaps"). Each
/// item's own part is told from its share of the rest.
std::string treemap_svg(std::vector<TreemapItem> items);

}  // namespace airlock::review
