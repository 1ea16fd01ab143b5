// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/tar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::bundle::tar {

namespace {

// Field offsets and lengths of the ustar header.
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field name_field{0, 100};
constexpr Field mode_field{100, 8};
constexpr Field uid_field{108, 8};
constexpr Field gid_field{116, 8};
constexpr Field size_field{124, 12};
constexpr Field mtime_field{136, 12};
constexpr Field checksum_field{148, 8};
constexpr std::size_t type_offset = 156;
constexpr Field magic_field{257, 8};
constexpr Field major_field{329, 8};
constexpr Field minor_field{337, 8};
constexpr Field prefix_field{345, 155};

constexpr std::uint64_t fixed_mtime = 315532800;
constexpr std::uint64_t max_octal_size = (1ULL << 33) - 1;
constexpr std::string_view magic("ustar\00000", 8);

/// How files begin that somebody compressed on the way, and what undoes it.
constexpr std::array<std::pair<std::string_view, const char*>, 3> compressed_forms{{{"\x1F\x8B", "gunzip"},
                                                                                    {"\x28\xB5\x2F\xFD", "unzstd"},
                                                                                    {"\xFD"
                                                                                     "7zXZ",
                                                                                     "unxz"}}};

void put(Block& block, Field field, std::string_view text) {
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

void put_octal(Block& block, Field field, std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(field.length - 1),
                static_cast<unsigned long long>(value));
  put(block, field, text.data());
}

void put_size(Block& block, std::uint64_t size) {
  if (size <= max_octal_size) return put_octal(block, size_field, size);
  block.at(size_field.offset) = static_cast<char>(0x80);
  for (std::size_t i = 0; i < 8; ++i)
    block.at(size_field.offset + size_field.length - 1 - i) = static_cast<char>(size >> (8 * i) & 0xFFU);
}

std::string_view view(const Block& block, Field field) { return {block.data() + field.offset, field.length}; }

std::uint64_t checksum(Block block) {
  std::fill_n(block.begin() + checksum_field.offset, checksum_field.length, ' ');
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return sum;
}

/// The size that a header claims, in either form; nothing where it is neither.
std::optional<std::uint64_t> read_size(const Block& block) {
  const auto field = view(block, size_field);
  std::uint64_t size = 0;
  if (static_cast<unsigned char>(field.front()) == 0x80) {
    for (const char c : field.substr(4)) size = size << 8 | static_cast<unsigned char>(c);
    return size;
  }
  for (const char c : field.substr(0, field.size() - 1)) {
    if (c < '0' || c > '7') return std::nullopt;
    size = size << 3 | static_cast<std::uint64_t>(c - '0');
  }
  return size;
}

const char* describe_type(char type) {
  switch (type) {
    case '\0': return "an entry of the old V7 type";
    case '1': return "a hard link";
    case '2': return "a symbolic link";
    case '3':
    case '4': return "a device";
    case '5': return "a directory";
    case '6': return "a FIFO";
    case 'x':
    case 'g': return "a pax extended header";
    case 'L':
    case 'K': return "a GNU long name";
    case 'S': return "a GNU sparse file";
    default: return "an entry of an unknown type";
  }
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == '/';
}

[[noreturn]] void refuse_header(std::uint64_t position, const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, fmt::format("tar header at byte {}: {}", position, why))
      .hint("this is not a bundle as airlock writes it; get the file again from its exporter");
}

}  // namespace

Block make_header(const Entry& entry) {
  Block block{};
  if (entry.name.empty() || entry.name.size() > name_field.length)
    throw Error(ErrorCode::internal, fmt::format("entry name of {} characters", entry.name.size()));
  put(block, name_field, entry.name);
  put_octal(block, mode_field, 0644);
  put_octal(block, uid_field, 0);
  put_octal(block, gid_field, 0);
  put_size(block, entry.size);
  put_octal(block, mtime_field, fixed_mtime);
  block.at(type_offset) = '0';
  put(block, magic_field, magic);
  put_octal(block, major_field, 0);
  put_octal(block, minor_field, 0);
  // Six digits, NUL, space: the form in which every tar writes its checksum.
  std::array<char, 16> sum{};
  std::snprintf(sum.data(), sum.size(), "%06llo", static_cast<unsigned long long>(checksum(block)));
  put(block, checksum_field, std::string_view(sum.data(), 7));
  block.at(checksum_field.offset + 7) = ' ';
  return block;
}

bool is_end(const Block& block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

Entry parse_header(const Block& block, std::uint64_t position) {
  if (position == 0)
    for (const auto& [magic_bytes, tool] : compressed_forms)
      if (std::string_view(block.data(), block.size()).starts_with(magic_bytes))
        throw Error(ErrorCode::format, Side::bundle, std::string("it is compressed; unpack it first: ") + tool);
  if (!view(block, magic_field).starts_with("ustar")) refuse_header(position, "no ustar header");
  const char type = block.at(type_offset);
  const auto name_bytes = view(block, name_field);
  const std::string name(name_bytes.substr(0, name_bytes.find('\0')));
  if (type != '0') refuse_header(position, std::string(describe_type(type)) + "; only regular files are allowed");
  if (view(block, magic_field) != magic)
    refuse_header(position, "a GNU header (magic \"ustar  \"); only POSIX ustar is allowed");
  if (name.empty()) refuse_header(position, "an empty name");
  if (!std::all_of(name.begin(), name.end(), is_name_character))
    refuse_header(position, fmt::format("\"{}\": a name with other characters than letters, digits, . _ - and /",
                                        printable(name)));
  if (name.front() == '/') refuse_header(position, "an absolute name");
  for (const std::string& part : split(name, '/'))
    if (part.empty() || part == "." || part == "..") refuse_header(position, "a name with empty, . or .. components");
  if (view(block, prefix_field).find_first_not_of('\0') != std::string_view::npos)
    refuse_header(position, name + ": a name prefix");
  const auto size = read_size(block);
  if (!size || *size >= 1ULL << 62) refuse_header(position, name + ": a malformed size");
  Entry entry{name, *size};
  const Block expected = make_header(entry);
  if (view(block, checksum_field) != view(expected, checksum_field) && checksum(block) == checksum(expected))
    refuse_header(position, name + ": a wrong checksum");
  if (block != expected)
    refuse_header(position, name + ": mode, owner, time or padding differ from the one form of a bundle");
  return entry;
}

}  // namespace airlock::bundle::tar
