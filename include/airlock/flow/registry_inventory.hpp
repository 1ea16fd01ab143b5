// SPDX-License-Identifier: Apache-2.0
// What a registry has of a bundle's, a lock file's or a receipt's images, to be compared with it.
#pragma once

#include <filesystem>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/volumes.hpp"
#include "airlock/flow/naming.hpp"
#include "airlock/records/inventory.hpp"
#include "airlock/registry/types.hpp"

namespace airlock::flow {

struct RegistryInventoryRequest {
  registry::Location place;
  registry::ClientOptions client;
  std::filesystem::path other;  ///< bundle, lock file or receipt; believed as it is
  bundle::VolumePlaces volumes;
  NamingRequest naming;  ///< of a bundle's and a lock file's images; a receipt has its names in it
  unsigned jobs = 0;     ///< requests at a time; 0: as the registry's distance wants it
};

/// By source reference: the images of `other` that the registry has under all their names (of a bundle's indexes, with
/// the manifests that the bundle has), and every other tag of the same repositories. Who may not read gets an Error.
/// Where it has the index that import derives from an incomplete one, that counts as the original; a lock file cannot
/// tell. No blobs are asked for. An Error (codes `registry`, `format`, `usage`).
records::Inventory registry_inventory(const RegistryInventoryRequest& request, Reporter& reporter);

}  // namespace airlock::flow
