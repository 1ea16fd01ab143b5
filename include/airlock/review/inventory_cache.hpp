// SPDX-License-Identifier: Apache-2.0
// What layers hold, remembered between runs: a layer is the same for ever, and most of a bundle's are the last one's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/oci/digest.hpp"
#include "airlock/review/layer_inventory.hpp"

namespace airlock::review {

/// One file for each layer, in a folder for this build's readers; what other builds remembered is removed. A file that
/// is damaged, or was made with another key of paths, counts as absent. Thread-safe, also against other processes.
class InventoryCache {
 public:
  /// Creates the directory, for its owner only, and its key. An Error (code `media`) where that fails.
  explicit InventoryCache(const std::filesystem::path& directory);

  const PathHash& hash() const { return hash_; }
  std::optional<LayerInventory> find(const oci::Digest& layer, std::string_view media_type) const;
  /// An Error (code `media`) where it cannot be written.
  void keep(const oci::Digest& layer, std::string_view media_type, const LayerInventory& inventory) const;

 private:
  std::filesystem::path file_of(const oci::Digest& layer, std::string_view media_type) const;

  std::filesystem::path directory_;
  PathHash hash_;
};

}  // namespace airlock::review
