// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/inventory.hpp"

#include <fcntl.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/bundle/reader.hpp"

namespace airlock::transfer {

namespace {

constexpr std::size_t max_text = 64U << 20;

Inventory of_bundle(const std::filesystem::path& file, const bundle::VolumePlaces& places) {
  const auto read = bundle::read_unverified(bundle::open_medium(file, places));
  Inventory inventory{
      Inventory::Kind::bundle, file.string(), read.sums_digest, read.metadata.stream, read.metadata.serial, {}, {}};
  for (const auto& image : read.metadata.images) inventory.images.emplace(image.source.str(), image.descriptor.digest);
  for (const auto& blob : read.metadata.blobs) inventory.blobs.emplace(blob.digest, blob.size);
  return inventory;
}

Inventory of_lock(const Lock& lock, const std::string& name) {
  Inventory inventory{Inventory::Kind::lock, name, std::nullopt, "", 0, {}, lock.blobs};
  for (const auto& locked : lock.images)
    inventory.images.emplace(locked.image.source.str(), locked.image.descriptor.digest);
  return inventory;
}

Inventory of_receipt(const Receipt& receipt, const std::string& name) {
  Inventory inventory{Inventory::Kind::receipt, name, receipt.bundle, receipt.stream, receipt.serial, {}, {}};
  for (const auto& image : receipt.images) inventory.images.emplace(image.source.str(), image.upstream_digest);
  for (const auto& [digest, blob] : receipt.blobs) inventory.blobs.emplace(digest, blob.size);
  return inventory;
}

}  // namespace

Inventory read_inventory(const std::filesystem::path& file, const bundle::VolumePlaces& places) {
  std::error_code ignored;
  // Lock files and receipts are small texts; a bundle begins with a tar header, and may be the name of volumes.
  if (!std::filesystem::is_regular_file(file, ignored)) return of_bundle(file, places);
  std::string start(32, '\0');
  const auto size = std::filesystem::file_size(file);
  start.resize(std::min<std::uint64_t>(start.size(), size));
  read_exactly(open_file(file, O_RDONLY), 0, start, file);
  if (looks_like_lock(start)) return of_lock(Lock::parse(read_file(file, max_text), file.string()), file.string());
  if (start.starts_with("{"))
    return of_receipt(Receipt::parse(read_file(file, max_text), file.string()), file.string());
  return of_bundle(file, places);
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

}  // namespace airlock::transfer
