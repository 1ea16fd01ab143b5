// SPDX-License-Identifier: Apache-2.0
// The archive format of a bundle: POSIX ustar (IEEE Std 1003.1, pax "ustar Interchange Format"), one fixed form.
//
//   header   512 bytes: name (at most 100 characters), mode 0000644, uid and gid 0, size (octal, or base-256 from 8
//   GiB),
//            mtime 315532800 (1980-01-01, the oldest date that FAT can hold), type '0', magic "ustar\0" "00", no names
//   content  padded with zeros to 512 bytes
//   end      two blocks of zeros
//
// There is exactly one valid header for a name and a size, so reading is: make that header and compare. What another
// tar reader could understand differently (links, pax, GNU and sparse extensions, prefixes, other owners or times)
// differs from it and is refused.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace airlock::bundle::tar {

inline constexpr std::uint64_t block_size = 512;
inline constexpr std::uint64_t end_size = 2 * block_size;

/// `size` rounded up to whole blocks.
constexpr std::uint64_t padded(std::uint64_t size) { return (size + block_size - 1) / block_size * block_size; }

struct Entry {
  std::string name;
  std::uint64_t size = 0;
};

using Block = std::array<char, block_size>;

/// The one valid header. `name` has 1 to 100 characters.
Block make_header(const Entry& entry);

/// Whether the block holds only zeros: the end of the archive.
bool is_end(const Block& block);

/// Reads a header; an Error (code `format`) says in which way it is not the one valid header of its name and size.
Entry parse_header(const Block& block, std::uint64_t position);

}  // namespace airlock::bundle::tar
