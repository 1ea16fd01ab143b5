// SPDX-License-Identifier: Apache-2.0
// A bundle as a source, once it is verified, and as a target, while it is written.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/parted_blob.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/bundle/writer.hpp"
#include "airlock/oci/image_config.hpp"
#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// Every byte is hashed as it is read. REQUIRES: the bundle outlives it.
class BundleSource final : public Source {
 public:
  explicit BundleSource(const bundle::VerifiedBundle& bundle) : bundle_(bundle) {}

  std::optional<oci::RawDocument> document(const oci::Digest& digest) override;
  bool has(const oci::Node& blob) const override { return !bundle_.is_in_base(blob.digest); }
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override;
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override;
  std::string name_of(const oci::Node& blob) const override;

 private:
  const bundle::VerifiedBundle& bundle_;
};

enum class PullMode {
  whole_blobs,
  parted_blobs  ///< blobs over 64 MiB in parts of 32 MiB, for registries far away
};

/// Blobs go straight to their places; documents and names are there already (bundle::Draft). Configs are parsed before
/// they count as written: a bundle that verification would refuse must not be made. REQUIRES: the writer outlives it.
class BundleTarget final : public Target {
 public:
  /// What is told of each image's config, from several threads.
  using SeeConfig = std::function<void(const oci::Node&, const oci::ImageConfig&)>;

  /// `label`: what progress calls it, a literal.
  BundleTarget(bundle::Writer& writer, PullMode mode, const char* label, Reporter& reporter,
               SeeConfig see_config = nullptr)
      : writer_(writer), mode_(mode), label_(label), reporter_(reporter), see_config_(std::move(see_config)) {}

  Phases phases() const override;
  bool wants(const oci::Node& blob) override { return !writer_.has(blob.digest); }
  std::size_t parts(const oci::Node& blob) override;
  Stored put_blob(const BlobTask& task, std::size_t part, Attempt attempt, Source& source) override;

 private:
  Stored put_whole(const oci::Node& blob, Attempt attempt, Source& source);
  Stored put_config(const oci::Node& blob, Source& source);
  Stored put_part(const oci::Node& blob, bundle::PartedBlob& parted, std::size_t part, Source& source);
  Stored finished(const oci::Node& blob, bool right);

  bundle::Writer& writer_;
  PullMode mode_;
  const char* label_;
  Reporter& reporter_;
  SeeConfig see_config_;
  std::map<oci::Digest, std::unique_ptr<bundle::PartedBlob>> parted_;  // complete before the first blob is put
};

}  // namespace airlock::transfer
