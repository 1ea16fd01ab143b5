// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "airlock/flow/naming.hpp"
#include "airlock/kubeone/paths.hpp"
#include "airlock/records/own_content.hpp"
#include "airlock/transfer/copy.hpp"

namespace airlock::flow {

/// Every name that a consumer will ask for. They point into `images`.
inline std::vector<transfer::Destination> destinations_of(const std::vector<records::Image>& images,
                                                          const registry::Location& target, const Naming& naming) {
  std::vector<transfer::Destination> destinations;
  for (const records::Image& image : images) {
    if (records::is_file(image) && !naming.files) continue;
    for (const kubeone::TargetPath& path : kubeone::target_paths(image.source, naming.mapping))
      destinations.push_back({&image, {target.host, oci::below(target.prefix, path.repository)}, path.tag});
  }
  return destinations;
}

}  // namespace airlock::flow
