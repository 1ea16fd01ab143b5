// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "airlock/bundle/volumes.hpp"
#include "airlock/records/inventory.hpp"

namespace airlock::flow {

/// Reads a bundle, a lock file or a receipt, as it says of itself: no signature is checked. What is made with it is,
/// where that matters: import asks the registry for everything that a delta depends on.
records::Inventory read_inventory(const std::filesystem::path& file, const bundle::VolumePlaces& places = {});

}  // namespace airlock::flow
