// SPDX-License-Identifier: Apache-2.0
// The contents of a bundle, a lock file or a receipt. Deltas leave out what an inventory has, and two inventories can
// be compared.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "airlock/oci/digest.hpp"
#include "airlock/records/lock.hpp"
#include "airlock/records/receipt.hpp"

namespace airlock::records {

/// What an inventory was read from.
enum class InventoryKind { bundle, lock, receipt, registry };
/// "bundle", "lock", "receipt", "registry".
std::string to_string(InventoryKind kind);

/// As the file claims; whether it was signed is checked by its reader.
struct Inventory {
  InventoryKind kind = InventoryKind::bundle;
  std::string name;                   ///< the file's, for messages
  std::optional<oci::Digest> bundle;  ///< SHA256SUMS digest, of a bundle or of the one a receipt is for
  std::string stream;                 ///< empty for a lock file
  std::uint64_t serial = 0;
  std::map<std::string, oci::Digest> images;   ///< by source reference
  std::map<oci::Digest, std::uint64_t> blobs;  ///< bytes; empty for a registry

  /// `name`: the file's, for messages.
  static Inventory of(const Lock& lock, const std::string& name);
  static Inventory of(const Receipt& receipt, const std::string& name);
};

struct Difference {
  std::vector<std::string> added;  ///< source references
  std::vector<std::string> removed;
  std::map<std::string, std::pair<oci::Digest, oci::Digest>> changed;  ///< old and new digest
  std::size_t same = 0;                                                ///< images
  std::size_t new_blobs = 0;
  std::uint64_t new_bytes = 0;  ///< of blobs that the old one lacks
  std::size_t gone_blobs = 0;
  std::uint64_t gone_bytes = 0;
  bool empty() const { return added.empty() && removed.empty() && changed.empty(); }
};
Difference compare(const Inventory& before, const Inventory& after);

}  // namespace airlock::records
