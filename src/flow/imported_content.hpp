// SPDX-License-Identifier: Apache-2.0
// What of a bundle goes into the registry: as upstream served it, or in the OCI's types.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "airlock/bundle/reader.hpp"
#include "airlock/flow/import.hpp"
#include "airlock/transfer/docker_types.hpp"

namespace airlock::flow {

class ImportedContent {
 public:
  /// REQUIRES: the bundle outlives it.
  ImportedContent(const bundle::VerifiedBundle& bundle, DockerTypes types) : bundle_(bundle) {
    if (types == DockerTypes::convert)
      converted_ = transfer::convert_docker_types(bundle.graph(), bundle.metadata().images,
                                                  oci::PlatformSelection::parse(bundle.metadata().selection.platforms));
  }

  const oci::Graph& graph() const { return converted_ ? converted_->graph : bundle_.graph(); }
  const std::vector<records::Image>& images() const {
    return converted_ ? converted_->images : bundle_.metadata().images;
  }
  /// Ends its use.
  void move_images_to(std::vector<records::Image>& images) {
    if (converted_) images = std::move(converted_->images);
  }
  /// The originals of those that are in another form now, and so have another digest.
  std::vector<const records::Image*> changed() const {
    std::vector<const records::Image*> changed;
    const auto& originals = bundle_.metadata().images;
    for (std::size_t i = 0; i < originals.size(); ++i)
      if (images()[i].descriptor.digest != originals[i].descriptor.digest) changed.push_back(&originals[i]);
    return changed;
  }

 private:
  const bundle::VerifiedBundle& bundle_;
  std::optional<transfer::Converted> converted_;
};

}  // namespace airlock::flow
