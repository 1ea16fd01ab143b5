// SPDX-License-Identifier: Apache-2.0
// A directory in the form of an OCI image layout (image-spec v1.1, image-layout.md) as a source and as a target.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// What index.json names, by `org.opencontainers.image.ref.name`.
using LayoutNames = std::map<std::string, oci::Descriptor>;

/// An Error (code `format`) for a directory that is no layout of version 1.0.0, or whose index.json is malformed.
LayoutNames read_layout_names(const std::filesystem::path& directory);

/// Every byte is hashed; other bytes than a file's name says are an Error (code `format`).
class LayoutSource final : public Source {
 public:
  explicit LayoutSource(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::optional<oci::RawDocument> document(const oci::Digest& digest) override;
  bool has(const oci::Node& blob) const override;
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override;
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override { return open_by_sending(*this, blob); }
  std::string name_of(const oci::Node& blob) const override;

 private:
  std::filesystem::path directory_;
};

/// Makes the directory, or adds to what is there. A blob gets its name when it is whole; repositories share them. A
/// destination's name in index.json is the full source reference, as in a bundle.
class LayoutTarget final : public Target {
 public:
  /// REQUIRES: the graph outlives it.
  LayoutTarget(std::filesystem::path directory, const oci::Graph& graph);

  Phases phases() const override;
  Presence look(const Destination& destination) override;
  bool has(const registry::Repository& repository, const oci::Node& blob) override;
  bool wants(const oci::Node& blob) override;
  Stored put_blob(const BlobTask& task, std::size_t part, Attempt attempt, Source& source) override;
  void put_document(const Destination& destination, const oci::Node& document) override;
  void put_name(const Destination& destination) override;
  std::optional<Published> read_back(const Destination& destination) override;

  /// Writes index.json, in one step: names that were put count from then on.
  void commit();

 private:
  std::filesystem::path directory_;
  const oci::Graph& graph_;
  std::mutex mutex_;  // guards the names while they are put
  LayoutNames names_;
};

}  // namespace airlock::transfer
