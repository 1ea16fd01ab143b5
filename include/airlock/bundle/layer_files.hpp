// SPDX-License-Identifier: Apache-2.0
// The files in a layer, read in one pass: nothing is unpacked to a disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "airlock/bundle/reader.hpp"

namespace airlock::bundle {

enum class FileKind : std::uint8_t { file, directory, symlink, hardlink, other };

/// An entry of a layer's tar (OCI image-spec v1.1, layer.md).
struct LayerFile {
  std::string path;  ///< relative to the root, without `.`, `..` and doubled slashes; never empty but for the root
  FileKind kind = FileKind::file;
  std::uint32_t mode = 0;  ///< permission bits, setuid, setgid and sticky
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;    ///< bytes, of a file
  std::string target;        ///< of a link; of a hard link, a path as above
  std::uint64_t device = 0;  ///< of a device node: its number
  std::string capability;  ///< security.capability (capabilities(7)), as bytes: a program with it runs with more rights
};

/// The content of the file that is being visited, once and in order.
class FileContent {
 public:
  virtual ~FileContent() = default;
  /// The next piece, empty at the end; valid until the next call.
  virtual std::string_view next() = 0;
  /// At most `limit` bytes from here on.
  std::string read(std::size_t limit);
};

/// Calls `visit` for each entry, in the layer's order, and reads the layer to its end, so that its digest was compared
/// when this returns. Entries whose path leaves the root are left out: no node unpacks them. An Error (code `format`)
/// as LayerStream, for a tar that is none, and for more than two million entries.
void read_layer(BlobReader layer, std::string_view media_type,
                const std::function<void(const LayerFile&, FileContent&)>& visit);

}  // namespace airlock::bundle
