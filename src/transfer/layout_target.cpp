// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/transfer/layout_ports.hpp"
#include "transfer/layout_files.hpp"

namespace airlock::transfer {

namespace {

/// Writes a file that gets its name when its content has the right digest.
class FileSink final : public oci::BlobSink {
 public:
  explicit FileSink(const std::filesystem::path& path) : file_(path, Access::shared) {}
  void write(std::string_view bytes) override {
    hash_.update(bytes);
    file_.write(bytes);
    received_ += bytes.size();
  }
  std::uint64_t received() const override { return received_; }

  void finish(const oci::Node& blob) {
    const oci::Digest actual = hash_.finish();
    if (actual != blob.digest || received_ != blob.size)
      throw Error(ErrorCode::format,
                  fmt::format("blob {}: the bytes received have the digest {}", blob.digest.str(), actual.str()))
          .hint("get it again; what it comes from is broken or lying");
    file_.replace();
  }

 private:
  NewFile file_;
  oci::Sha256 hash_;
  std::uint64_t received_ = 0;
};

bool is_there(const std::filesystem::path& path, std::uint64_t size) {
  std::error_code none;
  return std::filesystem::file_size(path, none) == size && !none;
}

}  // namespace

LayoutTarget::LayoutTarget(std::filesystem::path directory, const oci::Graph& graph)
    : directory_(std::move(directory)), graph_(graph) {
  if (std::filesystem::exists(directory_ / "index.json"))
    names_ = read_layout_names(directory_);
  else
    std::filesystem::create_directories(directory_ / "blobs" / "sha256");
}

Phases LayoutTarget::phases() const {
  Phases phases;
  phases.looking = "looking";
  phases.blobs = "writing";
  phases.documents = "writing manifests";
  phases.names = "naming";
  phases.reading_back = "reading back";
  return phases;
}

Presence LayoutTarget::look(const Destination& destination) {
  const std::lock_guard lock(mutex_);
  const std::string name = destination.image->source.str();
  const auto found = names_.find(name);
  Presence presence;
  if (found == names_.end()) return presence;
  const oci::Digest& wanted = destination.image->descriptor.digest;
  if (found->second.digest != wanted)
    presence.moves.push_back({name, found->second.digest, wanted});
  else
    presence.published = Published{destination, wanted, false, false};
  return presence;
}

bool LayoutTarget::has(const registry::Repository& /*repository*/, const oci::Node& blob) { return !wants(blob); }

bool LayoutTarget::wants(const oci::Node& blob) { return !is_there(layout_blob(directory_, blob.digest), blob.size); }

Stored LayoutTarget::put_blob(const BlobTask& task, std::size_t /*part*/, Attempt /*attempt*/, Source& source) {
  const oci::Node& blob = *task.blob;
  FileSink sink(layout_blob(directory_, blob.digest));
  source.send(blob, oci::BlobPart::whole(blob.size), sink);
  sink.finish(blob);
  return {true, false, 1, 0, 0};
}

void LayoutTarget::put_document(const Destination& /*destination*/, const oci::Node& document) {
  replace_file(layout_blob(directory_, document.digest), document.content->bytes);
}

void LayoutTarget::put_name(const Destination& destination) {
  const oci::Node& top = graph_.at(destination.image->descriptor.digest);
  put_document(destination, top);
  const std::lock_guard lock(mutex_);
  names_.insert_or_assign(destination.image->source.str(), destination.image->descriptor);
}

std::optional<Published> LayoutTarget::read_back(const Destination& destination) {
  const oci::Digest& digest = destination.image->descriptor.digest;
  if (oci::sha256(read_file(layout_blob(directory_, digest), oci::max_manifest_size)) != digest) return std::nullopt;
  return Published{destination, digest, false, false};
}

void LayoutTarget::commit() {
  Json manifests = Json::array();
  for (const auto& [name, named] : names_) {
    const oci::Descriptor entry{named.media_type, named.digest, named.size, std::nullopt, {{ref_name, name}}};
    manifests.push_back(entry.to_json());
  }
  replace_file(directory_ / "oci-layout", bundle::oci_layout_content);
  replace_file(directory_ / "index.json", canonical_json({{"schemaVersion", 2},
                                                          {"mediaType", oci::media_type::oci_index},
                                                          {"manifests", std::move(manifests)}}));
}

}  // namespace airlock::transfer
