// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/release.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_release_sums = 1U << 20;
constexpr std::uint64_t max_signature_file = 1U << 16;
constexpr const char* sums_name = "SHA256SUMS";

[[noreturn]] void refuse(std::string message, std::string hint) {
  throw Error(ErrorCode::format, std::move(message)).hint(std::move(hint));
}

bool is_regular(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(std::filesystem::symlink_status(path, ignored));
}

/// `HEX  PATH`, as sha256sum writes it. Nothing that leads out of the directory.
ReleaseFile parse_line(const std::string& text) {
  constexpr std::size_t digits = 64;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const bool shaped = text.size() > digits + 2 && std::all_of(text.begin(), text.begin() + digits, is_hex) &&
                      text[digits] == ' ' && (text[digits + 1] == ' ' || text[digits + 1] == '*');
  const std::filesystem::path path = shaped ? text.substr(digits + 2) : "";
  const bool inside =
      path.is_relative() && std::ranges::find(path, "..") == path.end() && path == path.lexically_normal();
  if (!shaped || !inside)
    refuse(fmt::format("{}: \"{}\" is not a digest and a path in this directory", sums_name, printable(text, 120)),
           "a release lists its files as `find * -type f | xargs sha256sum` does; get it again, or make it so");
  return {path, oci::Digest::parse("sha256:" + text.substr(0, digits)), 0};
}

/// Calls `take` with each piece of a regular file, read from the medium, and returns its digest.
template <typename Take>
oci::Digest read_pieces(const std::filesystem::path& path, Take&& take) {
  constexpr std::uint64_t piece_size = 1U << 20;
  const FileDescriptor file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    refuse(fmt::format("{} is not a regular file", path.string()), "the release did not arrive whole; copy it again");
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  oci::Sha256 hash;
  std::string piece;
  for (std::uint64_t at = 0; at < size; at += piece.size()) {
    piece.resize(std::min(piece_size, size - at));
    read_exactly(file, at, piece, path);
    hash.update(piece);
    take(piece);
  }
  return hash.finish();
}

void check_file(const std::filesystem::path& directory, ReleaseFile& file) {
  const auto path = directory / file.path;
  if (!is_regular(path))
    refuse(fmt::format("{} is missing", path.string()), "the release did not arrive whole; copy it again");
  const oci::Digest digest = read_pieces(path, [&](const std::string& piece) { file.size += piece.size(); });
  if (digest != file.digest)
    refuse(fmt::format("{} is not the file that {} lists", path.string(), sums_name),
           "it was changed or damaged; do not run anything of this release, and get it again");
}

/// Small regular files of the names that signatures have. Whatever else has such a name is not part of the release.
std::vector<trust::SignatureFile> read_signatures(const std::filesystem::path& directory) {
  std::vector<trust::SignatureFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    const auto form = trust::form_of(name);
    if (!name.starts_with(fmt::format("{}.", sums_name)) || !form || form == trust::Form::approval) continue;
    if (is_regular(entry.path()) && entry.file_size() <= max_signature_file)
      files.push_back({name, read_file(entry.path(), max_signature_file)});
  }
  std::ranges::sort(files, {}, &trust::SignatureFile::name);
  return files;
}

/// A program that nobody signed must not lie among those that somebody did.
void refuse_unlisted(const Release& release) {
  std::set<std::filesystem::path> known{sums_name};
  for (const ReleaseFile& file : release.files)
    if (!known.insert(file.path).second)
      refuse(fmt::format("{} lists {} twice", sums_name, file.path.string()), "get the release again");
  for (const trust::SignatureFile& file : release.signatures) known.insert(file.name);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(release.directory)) {
    if (!entry.is_symlink() && entry.is_directory()) continue;
    if (!known.contains(entry.path().lexically_relative(release.directory)))
      refuse(fmt::format("{} is not listed in {}", entry.path().string(), sums_name),
             "it is not part of the release: remove it, or unpack the release into an empty directory");
  }
}

}  // namespace

Release read_release(const std::filesystem::path& directory) {
  if (std::filesystem::is_regular_file(directory))
    throw Error(ErrorCode::usage, fmt::format("{} is a file, not the directory of a release", directory.string()))
        .hint(fmt::format("unpack it first: tar xf {}", shell_word(directory.string())));
  const auto sums = directory / sums_name;
  if (!is_regular(sums))
    refuse(fmt::format("{} is missing", sums.string()), "give the directory of an unpacked release of airlock");
  Release release{directory, {}, read_signatures(directory), read_file(sums, max_release_sums)};
  for (const std::string& text : split(release.sums, '\n'))
    if (!text.empty()) release.files.push_back(parse_line(text));
  if (release.files.empty())
    refuse(fmt::format("{} lists no file", sums.string()), "this is no release of airlock; get it again");
  for (ReleaseFile& file : release.files) check_file(directory, file);
  refuse_unlisted(release);
  return release;
}

std::string check_release_signature(const Release& release, const trust::PublicKey& key) {
  std::string others;
  for (const trust::SignatureFile& file : release.signatures) {
    std::string why = "by another key, or over other files";
    try {
      if (trust::signs(file, key, release.sums)) return file.name;
    } catch (const Error& error) {
      why = error.what();
    }
    others += fmt::format("\n  {}: {}", file.name, why);
  }
  throw Error(ErrorCode::trust, fmt::format("no signature of {} over {} is in {}{}", key.fingerprint(), sums_name,
                                            release.directory.string(), others))
      .hint(release.signatures.empty() ? "there is none at all; get the release with its signatures"
                                       : "do not run anything of this release before its maker confirms the key");
}

std::vector<std::string> sign_release(const Release& release, const trust::PrivateKey& key, const std::string& name) {
  static_cast<void>(bundle::signature_stem(name));  // refuses what cannot name a signature
  std::vector<std::string> names;
  for (const trust::SignatureFile& file : trust::sign(key, fmt::format("{}.{}", sums_name, name), release.sums)) {
    write_new_file(release.directory / file.name, file.bytes);
    names.push_back(file.name);
  }
  return names;
}

namespace {

/// Creates the directories of a path below `base`, none of which may be a link.
void make_directories(const std::filesystem::path& base, const std::filesystem::path& below) {
  std::filesystem::path at = base;
  for (const auto& part : below) {
    at /= part;
    std::error_code ignored;
    const auto status = std::filesystem::symlink_status(at, ignored);
    if (std::filesystem::is_directory(status)) continue;
    if (std::filesystem::exists(status))
      throw Error(ErrorCode::media, fmt::format("{} is there and is no directory", at.string()))
          .hint("remove it first; airlock does not write through links");
    std::filesystem::create_directory(at);
  }
}

bool is_right(const std::filesystem::path& path, const oci::Digest& digest) {
  return is_regular(path) && read_pieces(path, [](const std::string&) {}) == digest;
}

void copy_file(const std::filesystem::path& from, const std::filesystem::path& to, const oci::Digest& digest) {
  if (is_right(to, digest)) return;
  NewFile file(to, Access::shared);
  if (read_pieces(from, [&](const std::string& piece) { file.write(piece); }) != digest)
    refuse(fmt::format("{} changed while it was copied", from.string()), "run the same command again");
  struct stat status {};
  // FAT keeps no modes, and some mounts refuse to be asked for them.
  if (::stat(from.c_str(), &status) == 0) static_cast<void>(::fchmod(file.fd().get(), status.st_mode & 0777U));
  file.replace();
}

bool same_signatures(const Release& a, const Release& b) {
  return std::ranges::equal(a.signatures, b.signatures, [](const auto& one, const auto& other) {
    return one.name == other.name && one.bytes == other.bytes;
  });
}

}  // namespace

Release copy_release(const Release& release, const std::filesystem::path& parent) {
  const auto name = std::filesystem::canonical(release.directory).filename();
  if (!is_plain_name(name.string()))
    throw Error(ErrorCode::usage,
                fmt::format("\"{}\" cannot be a release's name on a medium", printable(name.string())))
        .hint("rename its directory, for example to airlock-0.1.0");
  const auto to = parent / name;
  std::error_code ignored;
  if (std::filesystem::equivalent(release.directory, to, ignored)) return read_release(to);
  make_directories(parent, name);
  for (const ReleaseFile& file : release.files) {
    make_directories(to, file.path.parent_path());
    copy_file(release.directory / file.path, to / file.path, file.digest);
  }
  for (const trust::SignatureFile& file : release.signatures) {
    if (!is_right(to / file.name, oci::sha256(file.bytes))) replace_file(to / file.name, file.bytes);
  }
  if (!is_right(to / sums_name, oci::sha256(release.sums))) replace_file(to / sums_name, release.sums);
  Release copy = read_release(to);
  if (!same_signatures(release, copy))
    refuse(fmt::format("{} holds signatures that the release does not have", to.string()),
           "remove the directory, and run the same command again");
  return copy;
}

}  // namespace airlock::flow
