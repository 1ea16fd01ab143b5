// SPDX-License-Identifier: Apache-2.0
// Under which names a bundle's content goes into a registry.
#pragma once

#include <optional>

#include "airlock/bundle/metadata.hpp"
#include "airlock/kubeone/name_mapping.hpp"

namespace airlock::flow {

struct Naming {
  kubeone::NameMapping mapping;
  bool files = false;  ///< push files too, not only images and charts
};

/// As asked for on the command line.
struct NamingRequest {
  std::optional<kubeone::NameMapping> mapping;  ///< nothing: the bundle's own (Metadata::mapping_rules)
  bool files = false;

  Naming of(const bundle::Metadata& metadata) const {
    return {mapping ? *mapping : kubeone::NameMapping::parse(metadata.mapping_rules(), "the bundle's mapping"), files};
  }
};

}  // namespace airlock::flow
