// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/bundle_ports.hpp"

namespace airlock::transfer {

namespace {

/// The reader withholds the last piece of a blob that is not what it should be.
class ReadBlob final : public oci::BlobSource {
 public:
  explicit ReadBlob(bundle::BlobReader reader) : reader_(std::move(reader)) {}
  std::string_view next() override { return reader_.next(); }

 private:
  bundle::BlobReader reader_;
};

}  // namespace

std::optional<oci::RawDocument> BundleSource::document(const oci::Digest& digest) {
  const oci::Node* node = bundle_.graph().find(digest);
  if (node == nullptr || !node->is_document()) return std::nullopt;
  return oci::RawDocument{std::string(node->media_type), node->content->bytes, digest};
}

/// From the first byte: a blob is right or wrong as a whole.
void BundleSource::send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) {
  bundle::BlobReader reader = bundle_.open_blob(blob.digest);
  std::uint64_t at = 0;
  const std::uint64_t end = part.offset + part.size;
  for (std::string_view piece = reader.next(); !piece.empty(); piece = reader.next()) {
    const std::uint64_t from = part.offset + sink.received();
    const std::uint64_t begin = std::max(at, from);
    const std::uint64_t stop = std::min(at + piece.size(), end);
    if (begin < stop) sink.write(piece.substr(begin - at, stop - begin));
    at += piece.size();
  }
}

std::unique_ptr<oci::BlobSource> BundleSource::open(const oci::Node& blob) {
  return std::make_unique<ReadBlob>(bundle_.open_blob(blob.digest));
}

std::string BundleSource::name_of(const oci::Node& /*blob*/) const { return "bundle"; }

}  // namespace airlock::transfer
