// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/registry_ports.hpp"

namespace airlock::transfer {

std::optional<oci::RawDocument> RegistrySource::document(const oci::Digest& digest) {
  return client_.fetch_manifest(repository_, digest);
}

void RegistrySource::send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) {
  client_.fetch_blob(repository_, blob.digest, part, sink);
}

ImageSetSource::ImageSetSource(registry::Client& client, const oci::Graph& graph,
                               const std::vector<records::Image>& images, const MadeContent& made)
    : made_(made) {
  for (const auto& [digest, blob] : made.blobs()) all_.add(digest, made_);
  for (const records::Image& image : images) {
    if (made.find(image.source) != nullptr) {
      all_.add(image.descriptor.digest, made_);
      continue;
    }
    repositories_.push_back(
        std::make_unique<RegistrySource>(client, registry::Repository{image.source.registry, image.source.repository}));
    for (const oci::Node* node : graph.closure(records::roots_of(image))) all_.add(node->digest, *repositories_.back());
  }
}

}  // namespace airlock::transfer
