// SPDX-License-Identifier: Apache-2.0
// What blobs that are written whole and in parts have in common.
#pragma once

#include <cstddef>
#include <cstdint>

namespace airlock::bundle {

// libcurl hands over 16 KiB at a time; written singly, that doubles the system time (docs/benchmarks.md).
inline constexpr std::size_t buffer_size = 256U << 10;
inline constexpr std::uint64_t note_size = 1U << 20;  // what a run that is killed loses of each blob on its way

inline constexpr const char* broken_source =
    "the registry or something before it is broken or lying; ask another --mirror";

}  // namespace airlock::bundle
