// SPDX-License-Identifier: Apache-2.0
// Reading past the page cache: a file that was just written is read from memory otherwise, and says nothing of the
// medium.
#pragma once

#include <cstdint>

#include "airlock/base/file.hpp"

namespace airlock::bundle {

/// ReadableMedium::drop_from_cache() for one file of `size` bytes.
bool drop_from_cache(const FileDescriptor& fd, std::uint64_t size);

}  // namespace airlock::bundle
