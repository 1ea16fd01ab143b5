// SPDX-License-Identifier: Apache-2.0
#include "review/package_finder.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "review/java_archive.hpp"
#include "review/package_files.hpp"

namespace airlock::review {

namespace {

constexpr std::size_t max_database = 64U << 20;
constexpr std::size_t max_program = 48U << 20;
constexpr std::size_t max_text = 4U << 20;
constexpr std::size_t max_audit = 16U << 20;
constexpr std::size_t max_buildinfo = 4U << 20;
constexpr std::string_view go_magic = "\xFF Go buildinf:";

using TextReader = Packages (*)(std::string_view);

struct Place {
  std::string_view path;
  TextReader read;
};

constexpr std::array databases{
    Place{"var/lib/dpkg/status", read_dpkg_status},
    Place{"lib/apk/db/installed", read_apk_installed},
    Place{"usr/lib/apk/db/installed", read_apk_installed},
    Place{"var/lib/rpm/rpmdb.sqlite", read_rpm_sqlite},
    Place{"usr/lib/sysimage/rpm/rpmdb.sqlite", read_rpm_sqlite},
    Place{"usr/share/rpm/rpmdb.sqlite", read_rpm_sqlite},
    Place{"var/lib/rpm/Packages.db", read_rpm_ndb},
    Place{"usr/lib/sysimage/rpm/Packages.db", read_rpm_ndb},
    Place{"usr/share/rpm/Packages.db", read_rpm_ndb},
    Place{"var/lib/rpmmanifest/container-manifest-2", read_rpm_manifest},
};
constexpr std::array given_up{std::string_view("var/lib/rpm/Packages"),
                              std::string_view("usr/lib/sysimage/rpm/Packages"),
                              std::string_view("usr/share/rpm/Packages")};

/// `…/node_modules/NAME/package.json`, `…/node_modules/@SCOPE/NAME/package.json`.
bool is_npm_module(std::string_view path) {
  const auto parts = split(path, '/');
  const std::size_t size = parts.size();
  return size >= 3 && parts[size - 1] == "package.json" &&
         (parts[size - 3] == "node_modules" ||
          (size >= 4 && parts[size - 4] == "node_modules" && parts[size - 3].starts_with('@')));
}

TextReader reader_for(std::string_view path) {
  for (const Place& place : databases)
    if (path == place.path) return place.read;
  if (path.starts_with("var/lib/dpkg/status.d/") && !path.ends_with(".md5sums")) return read_dpkg_status;
  const std::string lower = to_lower(path);
  if (lower.ends_with(".dist-info/metadata") || lower.ends_with(".egg-info/pkg-info") || lower.ends_with(".egg-info") ||
      lower.ends_with(".egg/egg-info/pkg-info"))
    return read_python_metadata;
  if (is_npm_module(path)) return read_npm_package;
  if (path.ends_with(".gemspec") && path.find("specifications/") != std::string_view::npos) return read_gemspec;
  return nullptr;
}

/// zlib's format, as cargo-auditable packs its list.
std::string inflated(std::string_view packed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  std::string text;
  std::array<char, 65536> buffer{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK && text.size() < max_audit) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
    if (stream.avail_out == buffer.size()) break;
  }
  inflateEnd(&stream);
  return text;
}

/// A program, from its first piece on: Go's information is looked for as it passes, cargo's list in all of it.
class ProgramReader {
 public:
  ProgramReader(const bundle::LayerFile& file, LayerInventory& into) : file_(file), into_(into) {}

  void read(std::string_view first, bundle::FileContent& content) {
    for (std::string_view piece = first; !piece.empty(); piece = content.next()) {
      if (file_.size <= max_program) whole_ += piece;
      if (!info_complete()) take_go(piece);
    }
    add(read_go_buildinfo(info_));
    if (file_.size > max_program) {
      if (info_.empty())
        into_.notes.push_back(printable(file_.path) + ": larger than 48 MiB: not searched for cargo-auditable's list");
      return;
    }
    if (const auto section = elf_section(whole_, ".dep-v0"); !section.empty()) add(read_cargo_audit(inflated(section)));
  }

 private:
  bool info_complete() const { return info_.size() >= max_buildinfo; }

  /// The magic stands at a multiple of 16 and is also a constant of programs that read such information: only what
  /// follows tells.
  void take_go(std::string_view piece) {
    if (!info_.empty()) {
      info_ += piece.substr(0, max_buildinfo - info_.size());
      return;
    }
    tail_ += piece;
    for (auto at = tail_.find(go_magic); at != std::string::npos; at = tail_.find(go_magic, at + 1)) {
      if (tail_.size() - at < 64) break;  // more is to come
      const auto flags = static_cast<unsigned char>(tail_[at + 15]);
      if ((flags & 2U) == 0 || tail_.substr(at + 33, 2) != "go") continue;
      info_ = tail_.substr(at, max_buildinfo);
      tail_.clear();
      return;
    }
    if (tail_.size() > 128) tail_.erase(0, tail_.size() - 128);
  }

  void add(Packages packages) {
    if (!packages.empty())
      into_.found.push_back({file_.path, std::make_shared<const std::vector<Package>>(std::move(packages))});
  }

  const bundle::LayerFile& file_;
  LayerInventory& into_;
  std::string whole_;
  std::string tail_;
  std::string info_;
};

void add(const std::string& path, Packages packages, LayerInventory& into) {
  if (!packages.empty())
    into.found.push_back({path, std::make_shared<const std::vector<Package>>(std::move(packages))});
}

}  // namespace

bool tells_by_name(std::string_view path) {
  return path == "etc/os-release" || path == "usr/lib/os-release" || reader_for(path) != nullptr ||
         is_java_archive(path);
}

void find_packages(const bundle::LayerFile& file, bundle::FileContent& content, LayerInventory& into) {
  if (file.kind != bundle::FileKind::file || file.size == 0) return;
  if (file.path == "etc/os-release" || file.path == "usr/lib/os-release") {
    if (auto release = read_os_release(content.read(max_text)); !release.empty())
      into.releases.emplace(file.path, std::move(release));
    return;
  }
  if (const TextReader read = reader_for(file.path)) {
    if (file.size > max_database) {
      into.notes.push_back(
          fmt::format("{}: {}, larger than 64 MiB: not read", printable(file.path), human_size(file.size)));
      return;
    }
    try {
      return add(file.path, read(content.read(max_database)), into);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      into.notes.push_back(fmt::format("{}: not read: {}", printable(file.path), error.what()));
      return;
    }
  }
  if (std::find(given_up.begin(), given_up.end(), file.path) != given_up.end())
    into.notes.push_back(file.path + ": a database of Berkeley DB, which rpm has given up: not read");
  if (is_java_archive(file.path))
    return add(file.path, read_java_archive([&] { return content.next(); }, file.path, into.notes), into);
  if (file.size < 4096) return;
  // Libraries have no mode that says so; Go's programs for Windows (MZ) tell of themselves as all do.
  const std::string_view first = content.next();
  if (first.starts_with("\x7F"
                        "ELF") ||
      first.starts_with("MZ"))
    ProgramReader(file, into).read(first, content);
}

}  // namespace airlock::review
