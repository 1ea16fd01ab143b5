// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/release.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/trust/signature.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_release_sums = 1U << 20;
constexpr std::size_t max_signature_file = 1U << 16;
constexpr std::size_t piece_size = 1U << 20;
constexpr const char* sums_name = "SHA256SUMS";

[[noreturn]] void refuse(std::string message, std::string hint) {
  throw Error(ErrorCode::format, std::move(message)).hint(std::move(hint));
}

struct Line {
  std::string hex;
  std::filesystem::path path;
};

/// `HEX  PATH`, as sha256sum writes it. Nothing that leads out of the directory.
Line parse_line(const std::string& text) {
  constexpr std::size_t digits = 64;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const bool shaped = text.size() > digits + 2 && std::all_of(text.begin(), text.begin() + digits, is_hex) &&
                      text[digits] == ' ' && (text[digits + 1] == ' ' || text[digits + 1] == '*');
  const std::filesystem::path path = shaped ? text.substr(digits + 2) : "";
  const bool inside =
      path.is_relative() && std::ranges::find(path, "..") == path.end() && path == path.lexically_normal();
  if (!shaped || !inside)
    refuse(fmt::format("SHA256SUMS: \"{}\" is not a digest and a path in this directory", printable(text, 120)),
           "this is no release of airlock; get it again");
  return {text.substr(0, digits), path};
}

/// Hashes a regular file, and says how long it is.
std::uint64_t check_file(const std::filesystem::path& directory, const Line& line) {
  const auto path = directory / line.path;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, ignored)))
    refuse(fmt::format("{} is missing", path.string()), "the release did not arrive whole; copy it again");
  const FileDescriptor file = open_file(path, O_RDONLY | O_CLOEXEC);
  const std::uint64_t size = std::filesystem::file_size(path);
  oci::Sha256 hash;
  std::string piece;
  for (std::uint64_t at = 0; at < size; at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece_size, size - at));
    read_exactly(file, at, piece, path);
    hash.update(piece);
  }
  if (hash.finish().hex() != line.hex)
    refuse(fmt::format("{} is not the file that SHA256SUMS lists", path.string()),
           "it was changed or damaged; do not run anything of this release, and get it again");
  return size;
}

std::vector<std::string> signature_names(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(fmt::format("{}.", sums_name)) && trust::form_of(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A program that nobody signed must not lie among those that somebody did.
void refuse_unlisted(const std::filesystem::path& directory, const Release& release) {
  std::set<std::filesystem::path> known{sums_name};
  for (const ReleaseFile& file : release.files) known.insert(file.path);
  for (const std::string& name : release.signatures) known.insert(name);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const auto path = entry.path().lexically_relative(directory);
    if (!entry.is_symlink() && entry.is_directory()) continue;
    if (!known.contains(path))
      refuse(fmt::format("{} is not listed in SHA256SUMS", entry.path().string()),
             "it is not part of the release: remove it, or unpack the release into an empty directory");
  }
}

}  // namespace

Release read_release(const std::filesystem::path& directory) {
  if (std::filesystem::is_regular_file(directory))
    throw Error(ErrorCode::usage, fmt::format("{} is a file, not the directory of a release", directory.string()))
        .hint(fmt::format("unpack it first: tar xf {}", shell_word(directory.string())));
  Release release;
  release.sums = read_file(directory / sums_name, max_release_sums);
  release.signatures = signature_names(directory);
  for (const std::string& text : split(release.sums, '\n')) {
    if (text.empty()) continue;
    const Line line = parse_line(text);
    release.files.push_back({line.path, check_file(directory, line)});
  }
  if (release.files.empty()) refuse("SHA256SUMS lists no file", "this is no release of airlock; get it again");
  refuse_unlisted(directory, release);
  return release;
}

std::string check_release_signature(const std::filesystem::path& directory, const Release& release,
                                    const trust::PublicKey& key) {
  for (const std::string& name : release.signatures) {
    if (trust::form_of(name) == trust::Form::approval) continue;
    const trust::SignatureFile file{name, read_file(directory / name, max_signature_file)};
    if (trust::signs(file, key, release.sums)) return name;
  }
  throw Error(ErrorCode::trust,
              fmt::format("no signature of {} over SHA256SUMS is in {}", key.fingerprint(), directory.string()))
      .hint(release.signatures.empty()
                ? std::string("there is none at all; get the release with its signatures")
                : fmt::format("there are {}: by another key, or over other files; do not run anything of this release",
                              join(release.signatures, ", ")));
}

std::vector<std::string> sign_release(const std::filesystem::path& directory, const Release& release,
                                      const trust::PrivateKey& key, const std::string& name) {
  std::vector<std::string> names;
  for (const trust::SignatureFile& file : trust::sign(key, fmt::format("{}.{}", sums_name, name), release.sums)) {
    write_new_file(directory / file.name, file.bytes);
    names.push_back(file.name);
  }
  return names;
}

}  // namespace airlock::flow
