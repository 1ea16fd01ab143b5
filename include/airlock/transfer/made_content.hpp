// SPDX-License-Identifier: Apache-2.0
// What no registry has: artifacts that airlock makes on the connected side around files and charts (OCI image-spec
// v1.1, manifest.md, "Guidelines for Artifact Usage").
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"
#include "airlock/transfer/source.hpp"

namespace airlock::transfer {

/// A config or layer of an artifact that is made.
struct MadeBlob {
  std::string media_type;
  std::variant<std::string, std::filesystem::path> content;  ///< the bytes, or a file that has them
  oci::Digest digest;
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations = {};

  static MadeBlob of(std::string media_type, std::string bytes, std::map<std::string, std::string> annotations = {});
};

struct MadeArtifact {
  std::string type;  ///< artifactType; empty: the config's type says it
  MadeBlob config;
  std::vector<MadeBlob> layers;
  std::map<std::string, std::string> annotations = {};
};

/// Artifacts by the reference under which they are in the set. Equal artifacts have equal bytes.
class MadeContent {
 public:
  /// An Error (code `selection`) where another artifact has this reference.
  void add(const oci::Reference& reference, const MadeArtifact& artifact);
  bool empty() const { return manifests_.empty(); }
  /// The manifest, or null where the reference is not of made content.
  const oci::RawDocument* find(const oci::Reference& reference) const;
  /// The manifest of this digest, or null.
  const oci::RawDocument* find(const oci::Digest& digest) const;
  const std::map<oci::Digest, MadeBlob>& blobs() const { return blobs_; }

 private:
  std::map<oci::Reference, oci::RawDocument> manifests_;
  std::map<oci::Digest, MadeBlob> blobs_;
};

/// Bytes of files are not hashed: the sink does that. REQUIRES: the content outlives it.
class MadeSource final : public Source {
 public:
  explicit MadeSource(const MadeContent& content) : content_(content) {}

  std::optional<oci::RawDocument> document(const oci::Digest& digest) override;
  bool has(const oci::Node& blob) const override { return content_.blobs().contains(blob.digest); }
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override;
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override { return open_by_sending(*this, blob); }
  std::string name_of(const oci::Node& blob) const override;

 private:
  const MadeContent& content_;
};

}  // namespace airlock::transfer
