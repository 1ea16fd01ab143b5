// SPDX-License-Identifier: Apache-2.0
// SHA256SUMS: the signed list of a bundle's content, in the form that `sha256sum --strict -c` reads:
//
//   <64 lower-case hexadecimal digits><two spaces><path>\n
//
// sorted bytewise by path, each path once. It lists every entry but itself and those below signatures/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "airlock/bundle/entry_name.hpp"
#include "airlock/oci/digest.hpp"

namespace airlock::bundle {

inline constexpr std::size_t max_sums_size = 64U << 20;

struct SumLine {
  EntryName name;
  oci::Digest digest;
  bool operator==(const SumLine&) const = default;
};

using Sums = std::vector<SumLine>;

/// Sorts the lines. REQUIRES: each name is there once.
std::string format_sums(Sums sums);

/// The strict reverse, sorted; an Error (code `format`) names the line.
Sums parse_sums(std::string_view text);

/// Null where nothing of this name is listed. REQUIRES: sorted.
const oci::Digest* find_sum(const Sums& sums, const EntryName& name);

}  // namespace airlock::bundle
