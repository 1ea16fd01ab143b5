// SPDX-License-Identifier: Apache-2.0
// rpm's databases. Its headers are the same in each; SQLite's file format is read here as far as one table needs it,
// because librpm and SQLite read files and not bytes, and are in no static program of a few megabytes.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "review/package_files.hpp"

namespace airlock::review {

namespace {

std::uint64_t big_endian(std::string_view bytes, std::size_t at, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i)
    value = (value << 8U) | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (unsigned i = 4; i-- > 0;)
    value = (value << 8U) | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
  return value;
}

// rpm, include/rpm/rpmtag.h.
enum Tag : std::uint32_t {
  name = 1000,
  version = 1001,
  release = 1002,
  epoch = 1003,
  license = 1014,
  arch = 1022,
  source_rpm = 1044
};

/// The header's index: tags, types, offsets into its data.
class RpmHeader {
 public:
  explicit RpmHeader(std::string_view blob) {
    const std::uint64_t entries = big_endian(blob, 0, 4);
    const std::uint64_t size = big_endian(blob, 4, 4);
    if (blob.size() < 8 || entries > 65536 || size > blob.size() || 8 + entries * 16 > blob.size()) return;
    const std::string_view data = blob.substr(8 + entries * 16, size);
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::size_t at = 8 + i * 16;
      const auto offset = static_cast<std::size_t>(big_endian(blob, at + 8, 4));
      const auto tag = static_cast<std::uint32_t>(big_endian(blob, at, 4));
      if (offset <= data.size()) values_.try_emplace(tag, data.substr(offset));
    }
  }

  std::string text(Tag tag) const {
    const auto found = values_.find(tag);
    if (found == values_.end()) return {};
    const std::string_view start = found->second.substr(0, 1024);
    return std::string(start.substr(0, start.find('\0')));
  }
  std::optional<std::uint64_t> number(Tag tag) const {
    const auto found = values_.find(tag);
    if (found == values_.end() || found->second.size() < 4) return std::nullopt;
    return big_endian(found->second, 0, 4);
  }

 private:
  std::map<std::uint32_t, std::string_view> values_;
};

/// SQLite's varint (fileformat2.html, 2.1); removes it from the text.
std::uint64_t take_varint_be(std::string_view& text) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 9 && !text.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    if (i == 8) return (value << 8U) | byte;
    value = (value << 7U) | (byte & 0x7FU);
    if (byte < 0x80) break;
  }
  return value;
}

/// The bytes of a column of this serial type (2.1, "Serial Type Codes Of The Record Format").
std::uint64_t column_size(std::uint64_t type) {
  constexpr std::uint64_t fixed[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return type < 12 ? fixed[type] : (type - 12) / 2;
}

/// Rows of a table b-tree. What a sound file holds is no larger than itself: cells and pages that many point to are
/// read until that is used up.
class SqliteFile {
 public:
  explicit SqliteFile(std::string_view file) : file_(file) {
    if (file.size() < 100 || !file.starts_with("SQLite format 3")) return;
    const std::uint64_t size = big_endian(file, 16, 2);
    page_size_ = size == 1 ? 65536 : size;
    if (page_size_ < 512 || (page_size_ & (page_size_ - 1)) != 0) page_size_ = 0;
    reserved_ = static_cast<unsigned char>(file[20]);
  }

  /// The columns of each row of a table, by name.
  template <typename Take>
  void read_table(std::string_view table, Take&& take) {
    std::uint64_t root = 0;
    walk(1, [&](const std::vector<std::string>& row) {
      if (row.size() >= 4 && row[0] == "table" && row[1] == table)
        root = big_endian(row[3], 0, static_cast<unsigned>(row[3].size()));
    });
    if (root != 0) walk(root, take);
  }

 private:
  static constexpr std::size_t max_payload = 64U << 20;

  std::string_view page(std::uint64_t number) const {
    if (page_size_ == 0 || number == 0 || number > file_.size() / page_size_) return {};
    return file_.substr((number - 1) * page_size_, page_size_);
  }

  template <typename Take>
  void walk(std::uint64_t root, Take&& take) {
    std::vector<std::uint64_t> open{root};
    std::set<std::uint64_t> seen;
    left_ = file_.size();
    while (!open.empty()) {
      throw_if_interrupted();
      const std::uint64_t number = open.back();
      open.pop_back();
      const std::string_view bytes = page(number);
      if (bytes.empty() || !seen.insert(number).second) continue;
      const std::size_t header = number == 1 ? 100 : 0;
      const auto kind = static_cast<unsigned char>(bytes[header]);
      const std::uint64_t cells = big_endian(bytes, header + 3, 2);
      const std::size_t pointers = header + (kind == 5 ? 12 : 8);
      if (kind == 5) open.push_back(big_endian(bytes, header + 8, 4));
      for (std::uint64_t i = 0; i < cells; ++i) {
        const auto at = static_cast<std::size_t>(big_endian(bytes, pointers + 2 * i, 2));
        if (at >= bytes.size()) continue;
        if (kind == 5)
          open.push_back(big_endian(bytes, at, 4));
        else if (kind == 13)
          take(row_of(bytes.substr(at)));
        if (left_ == 0) return;
      }
    }
  }

  std::vector<std::string> row_of(std::string_view cell) {
    const std::uint64_t size = take_varint_be(cell);
    take_varint_be(cell);  // the row's number
    if (size > max_payload) return {};
    const std::string payload = payload_of(cell, size);
    left_ -= std::min<std::uint64_t>(left_, payload.size());
    std::string_view rest = payload;
    const std::uint64_t header_size = take_varint_be(rest);
    if (header_size > payload.size()) return {};
    std::string_view types = std::string_view(payload).substr(
        payload.size() - rest.size(), header_size - std::min<std::uint64_t>(header_size, payload.size() - rest.size()));
    std::string_view values = std::string_view(payload).substr(header_size);
    std::vector<std::string> row;
    while (!types.empty() && row.size() < 64) {
      const std::uint64_t type = take_varint_be(types);
      const std::uint64_t bytes = std::min<std::uint64_t>(column_size(type), values.size());
      row.emplace_back(type == 9 ? std::string(1, '\1') : std::string(values.substr(0, bytes)));
      values.remove_prefix(bytes);
    }
    return row;
  }

  /// What does not fit on the page is on a chain of others (1.6, "Cell Payload Overflow Pages").
  std::string payload_of(std::string_view cell, std::uint64_t size) const {
    const std::uint64_t usable = page_size_ - reserved_;
    const std::uint64_t most = usable - 35;
    if (size <= most) return std::string(cell.substr(0, size));
    const std::uint64_t least = (usable - 12) * 32 / 255 - 23;
    const std::uint64_t surplus = least + (size - least) % (usable - 4);
    const std::uint64_t here = surplus <= most ? surplus : least;
    std::string payload(cell.substr(0, here));
    std::uint64_t next = big_endian(cell, here, 4);
    for (std::uint64_t pages = 0; next != 0 && payload.size() < size && pages <= file_.size() / page_size_; ++pages) {
      const std::string_view bytes = page(next);
      if (bytes.empty()) break;
      next = big_endian(bytes, 0, 4);
      payload += bytes.substr(4, std::min<std::uint64_t>(size - payload.size(), usable - 4));
    }
    return payload;
  }

  std::string_view file_;
  std::uint64_t left_ = 0;  // bytes of cells
  std::uint64_t page_size_ = 0;
  std::uint64_t reserved_ = 0;
};

}  // namespace

Packages read_rpm_header(std::string_view blob) {
  const RpmHeader header(blob);
  Package package{"rpm", "", header.text(name), header.text(version), header.text(arch), header.text(license), {}, {}};
  if (package.name.empty() || package.version.empty() || package.name == "gpg-pubkey") return {};
  if (const std::string text = header.text(release); !text.empty()) package.version += "-" + text;
  if (const auto number = header.number(epoch); number && *number != 0)
    package.version = std::to_string(*number) + ":" + package.version;
  package.source = header.text(source_rpm);
  return {package};
}

Packages read_rpm_manifest(std::string_view text) {
  constexpr std::size_t columns_of_line = 10;
  Packages packages;
  for (const std::string& line : split(text, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() < columns_of_line || columns[0].empty() || columns[1].empty()) continue;
    const std::string& epoch_number = columns[8];
    const bool has_epoch = parse_number(epoch_number).value_or(0) != 0;
    packages.push_back({"rpm",
                        "",
                        columns[0],
                        (has_epoch ? epoch_number + ":" : "") + columns[1],
                        columns[7],
                        {},
                        columns[9] == "(none)" ? "" : columns[9],
                        {}});
  }
  return packages;
}

Packages read_rpm_sqlite(std::string_view file) {
  Packages packages;
  SqliteFile(file).read_table("Packages", [&](const std::vector<std::string>& row) {
    if (row.size() < 2) return;
    for (Package& package : read_rpm_header(row[1])) packages.push_back(std::move(package));
  });
  return packages;
}

Packages read_rpm_ndb(std::string_view file) {
  constexpr std::size_t slot_size = 16;
  constexpr std::size_t page = 4096;
  constexpr std::size_t unit = 16;
  if (!file.starts_with("RpmP")) return {};
  const std::uint64_t pages = little_endian(file, 12);
  std::uint64_t left = file.size();  // slots may not share what they point to
  Packages packages;
  for (std::uint64_t at = 2 * slot_size; at + slot_size <= pages * page && at + slot_size <= file.size();
       at += slot_size) {
    if (file.substr(at, 4) != "Slot") continue;
    const std::uint64_t index = little_endian(file, at + 4);
    const std::uint64_t offset = std::uint64_t{little_endian(file, at + 8)} * unit;
    if (index == 0 || offset + 16 > file.size() || file.substr(offset, 4) != "BlbS") continue;
    const std::uint64_t size = little_endian(file, offset + 12);
    if (size > file.size() - offset - 16 || size + 16 > left) continue;
    left -= size + 16;
    for (Package& package : read_rpm_header(file.substr(offset + 16, size))) packages.push_back(std::move(package));
  }
  return packages;
}

}  // namespace airlock::review
