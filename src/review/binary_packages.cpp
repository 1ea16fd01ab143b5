// SPDX-License-Identifier: Apache-2.0
// What compilers note in programs: Go's build information, cargo-auditable's list.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "review/package_files.hpp"

namespace airlock::review {

namespace {

/// Go's binary.Uvarint; removes it from the text.
std::optional<std::uint64_t> take_varint(std::string_view& text) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63 && !text.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> take_text(std::string_view& text) {
  const auto size = take_varint(text);
  if (!size || *size > text.size()) return std::nullopt;
  const std::string_view value = text.substr(0, *size);
  text.remove_prefix(*size);
  return value;
}

Package go_package(const std::vector<std::string>& columns) {
  Package package{"golang", "", columns.at(1), "", {}, {}, {}, {}};
  if (columns.size() > 2) package.version = columns[2];
  if (columns.size() > 3) package.checksum = columns[3];
  return package;
}

/// What release scripts set: `-X main.version=v1.2.3`, in whatever package.
std::string linked_version(std::string_view flags) {
  constexpr std::string_view key = "ersion=";
  for (auto at = flags.find(key); at != std::string_view::npos; at = flags.find(key, at + 1)) {
    if (at == 0 || (flags[at - 1] != 'v' && flags[at - 1] != 'V')) continue;
    const std::string_view rest = flags.substr(at + key.size());
    const std::string_view value = rest.substr(0, rest.find_first_of(" \"'\\"));
    const std::string_view number = value.substr(value.starts_with('v') ? 1 : 0);
    if (number.empty() || number.front() < '0' || number.front() > '9' || number.find('.') == std::string_view::npos)
      continue;
    return "v" + std::string(number);
  }
  return {};
}

/// As Go 1.24 writes it of a commit: v0.0.0-TIME-REVISION (go.dev/ref/mod, "Pseudo-versions").
std::string main_version(const std::string& revision, const std::string& time) {
  if (revision.empty()) return "(devel)";
  std::string digits;
  for (const char c : time)
    if (c >= '0' && c <= '9') digits += c;
  if (digits.size() != 14 || revision.size() < 12) return revision;
  return fmt::format("v0.0.0-{}-{}", digits, revision.substr(0, 12));
}

/// Lines of `go version -m`: path, mod, dep, "=>" (which replaces the line before), build.
Packages read_module_info(std::string_view info) {
  Packages packages;
  std::string revision;
  std::string time;
  std::string linked;
  std::string path;  // of the main package
  std::size_t main = SIZE_MAX;
  for (const std::string& line : split(info, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() < 2 || columns[1].empty()) continue;
    if (columns[0] == "mod" || columns[0] == "dep") {
      if (columns[0] == "mod") main = packages.size();
      packages.push_back(go_package(columns));
    } else if (columns[0] == "=>" && !packages.empty()) {
      // A folder in its place has no version: what it takes the place of is known.
      if (!columns[1].starts_with('.') && !columns[1].starts_with('/')) packages.back() = go_package(columns);
    } else if (columns[0] == "path") {
      path = columns[1];
    } else if (columns[0] == "build" && columns[1].starts_with("vcs.revision=")) {
      revision = columns[1].substr(columns[1].find('=') + 1);
    } else if (columns[0] == "build" && columns[1].starts_with("vcs.time=")) {
      time = columns[1].substr(columns[1].find('=') + 1);
    } else if (columns[0] == "build" && columns[1].starts_with("-ldflags=")) {
      linked = linked_version(columns[1]);
    }
  }
  // Distributions build without modules: the program itself is known all the same.
  if (main == SIZE_MAX && packages.empty() && !path.empty()) {
    main = 0;
    packages.push_back({"golang", "", path, "", {}, {}, {}, {}});
  }
  // A main module that was not fetched has no version: what it was built from is one.
  if (main < packages.size() && (packages[main].version == "(devel)" || packages[main].version.empty()))
    packages[main].version = !linked.empty() ? linked : main_version(revision, time);
  return packages;
}

template <typename Number>
Number number_at(std::string_view file, std::uint64_t at, bool big_endian) {
  std::array<unsigned char, sizeof(Number)> bytes{};
  if (at > file.size() || file.size() - at < sizeof(Number)) return 0;
  std::memcpy(bytes.data(), file.data() + at, sizeof(Number));
  if (!big_endian) std::reverse(bytes.begin(), bytes.end());
  Number value = 0;
  for (const unsigned char byte : bytes) value = static_cast<Number>((static_cast<std::uint64_t>(value) << 8U) | byte);
  return value;
}

struct Section {
  std::uint32_t name = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Section headers of a 32 or 64-bit ELF file (gabi, "Sections").
class ElfSections {
 public:
  explicit ElfSections(std::string_view file) : file_(file) {
    if (file.size() < 64 || !file.starts_with("\x7F"
                                              "ELF"))
      return;
    wide_ = file[4] == 2;
    big_endian_ = file[5] == 2;
    table_ = wide_ ? get<std::uint64_t>(0x28) : get<std::uint32_t>(0x20);
    entry_size_ = get<std::uint16_t>(wide_ ? 0x3A : 0x2E);
    count_ = get<std::uint16_t>(wide_ ? 0x3C : 0x30);
    names_ = get<std::uint16_t>(wide_ ? 0x3E : 0x32);
  }

  std::string_view find(std::string_view wanted) const {
    if (count_ == 0 || names_ >= count_ || entry_size_ < (wide_ ? 64 : 40)) return {};
    const std::string_view names = content(at(names_));
    for (unsigned i = 0; i < count_; ++i) {
      const Section section = at(i);
      if (section.name >= names.size()) continue;
      const std::string_view name = names.substr(section.name, wanted.size() + 1);
      if (name.starts_with(wanted) && (name.size() == wanted.size() || name.back() == '\0')) return content(section);
    }
    return {};
  }

 private:
  template <typename Number>
  Number get(std::uint64_t at) const {
    return number_at<Number>(file_, at, big_endian_);
  }

  Section at(unsigned index) const {
    const std::uint64_t header = table_ + static_cast<std::uint64_t>(index) * entry_size_;
    if (header > file_.size()) return {};
    if (wide_)
      return {get<std::uint32_t>(header), get<std::uint64_t>(header + 0x18), get<std::uint64_t>(header + 0x20)};
    return {get<std::uint32_t>(header), get<std::uint32_t>(header + 0x10), get<std::uint32_t>(header + 0x14)};
  }

  std::string_view content(const Section& section) const {
    if (section.offset > file_.size()) return {};
    return file_.substr(section.offset, section.size);
  }

  std::string_view file_;
  bool wide_ = false;
  bool big_endian_ = false;
  std::uint64_t table_ = 0;
  unsigned entry_size_ = 0;
  unsigned count_ = 0;
  unsigned names_ = 0;
};

}  // namespace

Packages read_go_buildinfo(std::string_view from_magic) {
  constexpr std::size_t header = 32;
  constexpr std::size_t sentinel = 16;
  if (from_magic.size() < header || (static_cast<unsigned char>(from_magic[15]) & 2U) == 0)
    return {};  // before Go 1.18 the texts stand elsewhere
  std::string_view rest = from_magic.substr(header);
  const auto version = take_text(rest);
  const auto info = take_text(rest);
  if (!version || !version->starts_with("go") || !info) return {};
  Packages packages;
  if (info->size() > 2 * sentinel) packages = read_module_info(info->substr(sentinel, info->size() - 2 * sentinel));
  // The toolchain's own library is part of the program; "go1.22.1 X:..." names experiments.
  const std::string_view number = version->substr(2);
  packages.push_back({"golang", "", "stdlib", std::string(number.substr(0, number.find(' '))), {}, {}, {}, {}});
  return packages;
}

Packages read_cargo_audit(std::string_view text) {
  try {
    const Json json = parse_json(text, ".dep-v0", {16U << 20, 16, 1U << 18});
    Packages packages;
    for (const JsonObject& entry : JsonObject(json, ".dep-v0").objects("packages"))
      if (entry.optional_string("kind").value_or("runtime") != "build" && !entry.string("name").empty())
        packages.push_back({"cargo", "", entry.string("name"), entry.string("version"), {}, {}, {}, {}});
    return packages;
  } catch (const Error&) {
    return {};
  }
}

std::string_view elf_section(std::string_view file, std::string_view name) { return ElfSections(file).find(name); }

}  // namespace airlock::review
