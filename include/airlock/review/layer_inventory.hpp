// SPDX-License-Identifier: Apache-2.0
// What one layer says of software, found in one pass over its files; and what remains of it in an image, whose later
// layers replace and delete files of earlier ones (OCI image-spec v1.1, layer.md, "Whiteouts").
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "airlock/bundle/layer_files.hpp"
#include "airlock/review/package.hpp"
#include "airlock/review/path_hash.hpp"

namespace airlock::review {

struct FoundPackages {
  std::string path;                                      ///< of the file that says it
  std::shared_ptr<const std::vector<Package>> packages;  ///< hard links to it share them
};

/// Immutable after it was read.
struct LayerInventory {
  std::vector<FoundPackages> found;
  std::map<std::string, Distribution> releases;  ///< os-release files by path
  std::vector<std::string> setuid;               ///< files that run as their owner or group
  std::vector<std::string> notes;                ///< what was too large or too deep to be read
  // Hashes of paths (PathHash), sorted: an image may have a million files.
  std::vector<std::uint64_t> entries;  ///< that are no directories
  std::vector<std::uint64_t> directories;
  std::vector<std::uint64_t> whiteouts;  ///< paths of lower layers that are deleted, with all below them
  std::vector<std::uint64_t> opaque;     ///< directories of which lower layers' content is deleted
};

/// Reads a layer. Memory is bounded by the number of its files, the largest database (64 MiB), the largest program
/// that is searched for cargo-auditable's list (48 MiB), and archives in archives (32 MiB, four levels).
/// `open` is called again where hard links give names that tell something to files that had others (pnpm, ostree).
LayerInventory read_layer_inventory(const std::function<bundle::BlobReader()>& open, std::string_view media_type,
                                    const PathHash& hash);

/// What is installed in an image.
struct InstalledPackage {
  Package package;
  std::vector<std::string> paths;  ///< of the files that say so, sorted
};

struct ImageInventory {
  Distribution distribution;
  std::vector<InstalledPackage> packages;  ///< each once, ordered
  std::vector<std::string> setuid;         ///< files that run as their owner or group, sorted
  std::vector<std::string> notes;
  /// Its os-release names a distribution, and no database of that one's packages was found; else empty.
  std::string without_database;
};

/// Of layers from the lowest to the topmost, that were read with this hash.
ImageInventory merge_inventories(const std::vector<const LayerInventory*>& layers, const PathHash& hash);

}  // namespace airlock::review
