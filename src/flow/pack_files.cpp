// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/pack_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "airlock/records/own_content.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::flow {

namespace {

namespace fs = std::filesystem;

oci::Digest digest_of(const fs::path& path, std::uint64_t size) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  std::string buffer(1U << 20, '\0');
  oci::Sha256 hash;
  for (std::uint64_t at = 0; at < size;) {
    const std::span<char> piece(buffer.data(), std::min<std::uint64_t>(buffer.size(), size - at));
    read_exactly(file, at, piece, path);
    hash.update({piece.data(), piece.size()});
    at += piece.size();
    throw_if_interrupted();
  }
  return hash.finish();
}

[[noreturn]] void refuse_digest(const FileToPack& file, const oci::Digest& actual) {
  throw Error(ErrorCode::format, fmt::format("--file {}: {} has the digest {}, not {}", file.name, file.location,
                                             actual.str(), file.digest->str()))
      .hint("get the right file, or correct the digest after you have made sure that this one is meant");
}

/// Fetches a file of the web into the cache, unless it is there.
fs::path fetch(const FileToPack& file, registry::Client& client, const fs::path& cache, Reporter& reporter) {
  const fs::path directory = cache / "files";
  fs::path path = directory / file.digest->hex();
  if (fs::exists(path) && digest_of(path, fs::file_size(path)) == *file.digest) return path;
  create_private_directories(directory);
  reporter.note(fmt::format("fetching {}", file.location));
  NewFile fresh(path, Access::owner);
  oci::Sha256 hash;
  std::uint64_t size = 0;
  const auto begin = [&] {
    hash = oci::Sha256();
    size = 0;
    if (::ftruncate(fresh.fd().get(), 0) != 0) throw_errno("cannot empty", path);
  };
  const auto write = [&](std::string_view bytes) {
    write_exactly(fresh.fd(), size, bytes, path);
    hash.update(bytes);
    size += bytes.size();
  };
  if (!client.fetch_file(file.location, begin, write))
    throw Error(ErrorCode::registry, Side::source, fmt::format("--file {}: {} is not there", file.name, file.location))
        .hint("check the address");
  if (const oci::Digest actual = hash.finish(); actual != *file.digest) refuse_digest(file, actual);
  fresh.replace();
  return path;
}

}  // namespace

void check_names(const std::vector<FileToPack>& files) {
  std::set<std::string> names;
  for (const FileToPack& file : files)
    if (!names.insert(file.name).second)
      throw Error(ErrorCode::usage, fmt::format("two files are named {}", printable(file.name)))
          .hint("give each a name of its own: airlock extract writes them under these names");
}

namespace {

kubeone::ExtraImage pack(const FileToPack& file, const fs::path& path, transfer::MadeContent& made) {
  if (!fs::is_regular_file(path))
    throw Error(ErrorCode::media, fmt::format("--file {}: {} is no file", file.name, path.string()))
        .hint("name a regular file; pack a directory into an archive first");
  const std::uint64_t size = fs::file_size(path);
  // A wrong file is known before bytes move; what is copied later is hashed again.
  const oci::Digest digest = digest_of(path, size);
  if (file.digest && *file.digest != digest) refuse_digest(file, digest);
  const std::map<std::string, std::string> title{{records::title_annotation, file.name}};
  transfer::MadeArtifact artifact{records::file_artifact_type,
                                  transfer::MadeBlob::of(records::empty_config_type, "{}"),
                                  {{records::file_layer_type, path, digest, size, title}},
                                  title};
  const oci::Reference reference = records::file_reference(file.name, digest);
  made.add(reference, artifact);
  return {reference, file.name, records::files_group, "file " + file.location};
}

}  // namespace

bool FileToPack::is_url() const { return location.starts_with("https://") || location.starts_with("http://"); }

FileToPack FileToPack::parse(const std::string& text) {
  const auto refuse = [&](const std::string& why) -> Error {
    return Error(ErrorCode::usage, fmt::format("--file {}: {}", text, why))
        .hint(
            "for example --file kubectl=./kubectl, or --file kubectl=https://dl.k8s.io/release/v1.29.4/bin/linux/"
            "amd64/kubectl@sha256:DIGEST");
  };
  const auto equals = text.find('=');
  if (equals == std::string::npos) throw refuse("it is not NAME=PATH or NAME=URL@sha256:DIGEST");
  FileToPack file{text.substr(0, equals), text.substr(equals + 1), std::nullopt};
  if (!records::is_file_name(file.name))
    throw refuse(fmt::format("\"{}\" cannot name a file: up to 128 letters, digits, and . _ - + ~ behind the first",
                             printable(file.name, 80)));
  if (const auto at = file.location.rfind("@sha256:"); at != std::string::npos) {
    file.digest = oci::Digest::parse(file.location.substr(at + 1));
    file.location.resize(at);
  }
  if (file.location.empty()) throw refuse("it names no file");
  if (file.is_url() && !file.digest) throw refuse("a file of the web needs its digest: URL@sha256:DIGEST");
  return file;
}

fs::path cache_directory() {
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", "airlock"}, std::pair{"HOME", ".cache/airlock"}})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return fs::path(value) / below;
  throw Error(ErrorCode::usage, "neither XDG_CACHE_HOME nor HOME says where to keep what is fetched")
      .hint("set one of them");
}

std::vector<kubeone::ExtraImage> pack_files(const std::vector<FileToPack>& files, const registry::ClientOptions& client,
                                            const fs::path& cache, transfer::MadeContent& made, Reporter& reporter) {
  check_names(files);
  std::vector<kubeone::ExtraImage> extras;
  std::optional<registry::Client> web;
  for (const FileToPack& file : files) {
    if (file.is_url() && !web) web.emplace(client, reporter);
    extras.push_back(pack(file, file.is_url() ? fetch(file, *web, cache, reporter) : fs::path(file.location), made));
  }
  return extras;
}

}  // namespace airlock::flow
