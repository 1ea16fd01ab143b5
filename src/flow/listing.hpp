// SPDX-License-Identifier: Apache-2.0
// Files that list images: lock files and receipts, told from bundles by how they begin.
#pragma once

#include <filesystem>
#include <variant>

#include "airlock/records/lock.hpp"
#include "airlock/records/receipt.hpp"

namespace airlock::flow {

/// std::monostate: a bundle, or the name of volumes.
using Listing = std::variant<std::monostate, records::Lock, records::Receipt>;

/// Neither signature nor, of a bundle, content is checked.
Listing read_listing(const std::filesystem::path& file);

}  // namespace airlock::flow
