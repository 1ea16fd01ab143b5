// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/extract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/records/own_content.hpp"

namespace airlock::flow {

namespace {

namespace fs = std::filesystem;

struct Carried {
  std::string name;
  oci::Descriptor blob;
  fs::path path = {};  // below the directory
};

/// All that the bundle carries, ordered by name. Bundles that were merged may have several files of one name.
std::vector<Carried> files_of(const bundle::VerifiedBundle& bundle) {
  std::map<std::pair<std::string, oci::Digest>, oci::Descriptor> files;
  for (const records::Image& image : bundle.metadata().images)
    if (auto file = records::carried_file(image, bundle.graph().document(image.descriptor.digest)))
      files.emplace(std::pair(file->name, file->blob.digest), file->blob);
  std::vector<Carried> list;
  for (const auto& [key, blob] : files) list.push_back({key.first, blob});
  return list;
}

/// `NAME`, or `NAME@sha256:DIGEST` where several have the name.
bool is_called(const Carried& file, const std::string& text) {
  return text == file.name || text == fmt::format("{}@{}", file.name, file.blob.digest.str());
}

std::vector<Carried> wanted(const std::vector<Carried>& files, const std::vector<std::string>& names) {
  if (names.empty()) return files;
  std::vector<Carried> chosen;
  std::vector<std::string> unknown;
  for (const std::string& name : names) {
    std::vector<Carried> called;
    std::copy_if(files.begin(), files.end(), std::back_inserter(called),
                 [&](const Carried& file) { return is_called(file, name); });
    if (called.empty()) unknown.push_back(name);
    if (called.size() > 1) {
      std::vector<std::string> choices;
      for (const Carried& file : called) choices.push_back(fmt::format("{}@{}", file.name, file.blob.digest.str()));
      throw Error(ErrorCode::usage, fmt::format("{} files of the bundle are named {}", called.size(), name))
          .hint("name one of them: " + join(choices, ", "));
    }
    for (Carried& file : called)  // who names a file twice wants it once
      if (std::none_of(chosen.begin(), chosen.end(), [&](const Carried& one) {
            return one.name == file.name && one.blob.digest == file.blob.digest;
          }))
        chosen.push_back(std::move(file));
  }
  if (unknown.empty()) return chosen;
  std::vector<std::string> known;
  for (const Carried& file : files) known.push_back(file.name);
  throw Error(ErrorCode::usage, fmt::format("the bundle has no file {}", printable(join(unknown, ", "))))
      .hint(known.empty() ? "it has no files at all; images are imported into a registry"
                          : "it has " + join(known, ", "));
}

/// Files of one name are written below the first digits of their digests.
void place(std::vector<Carried>& files) {
  std::map<std::string, std::size_t> count;
  for (const Carried& file : files) ++count[file.name];
  for (Carried& file : files)
    file.path = count[file.name] == 1 ? fs::path(file.name) : fs::path(file.blob.digest.short_hex()) / file.name;
}

void check_targets(const std::vector<Carried>& files, const bundle::VerifiedBundle& bundle, const fs::path& directory) {
  for (const auto& [name, blob, path] : files) {
    if (fs::exists(fs::symlink_status(directory / path)))
      throw Error(ErrorCode::media, fmt::format("{} exists already", (directory / path).string()))
          .hint("move it away, or choose another directory; airlock never overwrites");
    if (bundle.is_in_base(blob.digest))
      throw Error(ErrorCode::format, Side::bundle,
                  fmt::format("{} is not in this delta, but in what it builds on", name))
          .hint("extract it from the earlier bundle");
  }
}

void write_file(const bundle::VerifiedBundle& bundle, const oci::Descriptor& blob, const fs::path& path,
                Reporter& reporter) {
  NewFile file(path, Access::shared);
  bundle::BlobReader reader = bundle.open_blob(blob.digest);
  std::uint64_t at = 0;
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) {
    write_exactly(file.fd(), at, piece, path);
    at += piece.size();
    reporter.advance(piece.size());
  }
  file.appear();
  reporter.item_done();
}

}  // namespace

std::vector<ExtractedFile> extract(const ExtractRequest& request, const trust::Policy& policy, Reporter& reporter) {
  VerifyRequest verify = request.verify;
  verify.blobs = bundle::BlobCheck::on_read;  // what is written was hashed; the rest is not needed
  const bundle::VerifiedBundle bundle = verify_bundle(verify, policy, reporter);
  std::vector<Carried> files = wanted(files_of(bundle), request.names);
  place(files);
  if (files.empty())
    throw Error(ErrorCode::selection, Side::bundle, "it carries no files and no charts")
        .hint("images are imported into a registry: airlock import");
  check_targets(files, bundle, request.directory);
  fs::create_directories(request.directory);
  std::uint64_t bytes = 0;
  for (const Carried& file : files) bytes += file.blob.size;
  reporter.begin("extracting", bytes, files.size());
  std::vector<ExtractedFile> extracted;
  for (const auto& [name, blob, path] : files) {
    fs::create_directories((request.directory / path).parent_path());
    write_file(bundle, blob, request.directory / path, reporter);
    extracted.push_back({request.directory / path, blob.digest, blob.size});
  }
  reporter.end();
  return extracted;
}

}  // namespace airlock::flow
