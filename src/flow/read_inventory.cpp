// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/read_inventory.hpp"

#include <fcntl.h>

#include <algorithm>

#include "airlock/base/file.hpp"
#include "airlock/bundle/reader.hpp"
#include "flow/listing.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_text = 64U << 20;

records::Inventory of_bundle(const std::filesystem::path& file, const bundle::VolumePlaces& places) {
  const auto read = bundle::read_unverified(bundle::open_medium(file, places));
  records::Inventory inventory{records::InventoryKind::bundle,
                               file.string(),
                               read.sums_digest,
                               read.metadata.stream,
                               read.metadata.serial,
                               {},
                               {}};
  for (const auto& image : read.metadata.images) inventory.images.emplace(image.source.str(), image.descriptor.digest);
  for (const auto& blob : read.metadata.blobs) inventory.blobs.emplace(blob.digest, blob.size);
  return inventory;
}

}  // namespace

Listing read_listing(const std::filesystem::path& file) {
  std::error_code ignored;
  // Lock files and receipts are small texts; a bundle begins with a tar header, and may be the name of volumes.
  if (!std::filesystem::is_regular_file(file, ignored)) return {};
  std::string start(32, '\0');
  const auto size = std::filesystem::file_size(file);
  start.resize(std::min<std::uint64_t>(start.size(), size));
  read_exactly(open_file(file, O_RDONLY), 0, start, file);
  const std::string name = file.string();
  if (records::looks_like_lock(start)) return records::Lock::parse(read_file(file, max_text), name);
  if (start.starts_with("{")) return records::Receipt::parse(read_file(file, max_text), name);
  return {};
}

records::Inventory read_inventory(const std::filesystem::path& file, const bundle::VolumePlaces& places) {
  const Listing listing = read_listing(file);
  if (const auto* lock = std::get_if<records::Lock>(&listing)) return records::Inventory::of(*lock, file.string());
  if (const auto* receipt = std::get_if<records::Receipt>(&listing))
    return records::Inventory::of(*receipt, file.string());
  return of_bundle(file, places);
}

}  // namespace airlock::flow
