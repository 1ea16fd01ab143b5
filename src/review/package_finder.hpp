// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "airlock/bundle/layer_files.hpp"
#include "airlock/review/layer_inventory.hpp"

namespace airlock::review {

/// Whether a file of this path tells of software by its name.
bool tells_by_name(std::string_view path);

/// Reads a file that may tell of software, by its name or its first bytes, and adds what it says.
void find_packages(const bundle::LayerFile& file, bundle::FileContent& content, LayerInventory& into);

}  // namespace airlock::review
