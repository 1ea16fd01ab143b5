// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/inventory.hpp"

namespace airlock::records {

std::string to_string(InventoryKind kind) {
  switch (kind) {
    case InventoryKind::bundle: return "bundle";
    case InventoryKind::lock: return "lock";
    case InventoryKind::receipt: return "receipt";
    case InventoryKind::registry: return "registry";
  }
  return "";
}

Inventory Inventory::of(const Lock& lock, const std::string& name) {
  Inventory inventory{InventoryKind::lock, name, std::nullopt, "", 0, {}, lock.blobs};
  for (const auto& locked : lock.images)
    inventory.images.emplace(locked.image.source.str(), locked.image.descriptor.digest);
  return inventory;
}

Inventory Inventory::of(const Receipt& receipt, const std::string& name) {
  Inventory inventory{InventoryKind::receipt, name, receipt.bundle, receipt.stream, receipt.serial, {}, {}};
  for (const auto& image : receipt.images) inventory.images.emplace(image.source.str(), image.upstream_digest);
  for (const auto& [digest, blob] : receipt.blobs) inventory.blobs.emplace(digest, blob.size);
  return inventory;
}

Difference compare(const Inventory& before, const Inventory& after) {
  Difference difference;
  for (const auto& [source, digest] : after.images) {
    const auto old = before.images.find(source);
    if (old == before.images.end())
      difference.added.push_back(source);
    else if (old->second != digest)
      difference.changed.emplace(source, std::pair{old->second, digest});
    else
      ++difference.same;
  }
  for (const auto& [source, digest] : before.images)
    if (!after.images.contains(source)) difference.removed.push_back(source);
  for (const auto& [digest, size] : after.blobs)
    if (!before.blobs.contains(digest)) {
      ++difference.new_blobs;
      difference.new_bytes += size;
    }
  for (const auto& [digest, size] : before.blobs)
    if (!after.blobs.contains(digest)) {
      ++difference.gone_blobs;
      difference.gone_bytes += size;
    }
  return difference;
}

}  // namespace airlock::records
