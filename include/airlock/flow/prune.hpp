// SPDX-License-Identifier: Apache-2.0
// Takes names out of a registry that no bundle in use needs any more.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/flow/naming.hpp"
#include "airlock/registry/types.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

struct PruneRequest {
  registry::Location target;
  registry::ClientOptions client;
  std::vector<std::filesystem::path> made;  ///< receipts: only what they name is ever deleted
  std::vector<std::filesystem::path> keep;  ///< receipts and bundles whose names stay
  std::optional<trust::PublicKey> key;      ///< signed all receipts of `made`; nothing: they are believed
  NamingRequest naming;                     ///< of the bundles to keep
  bool discard = false;                     ///< delete; else only say what would be
};

struct PrunedName {
  std::string name;  ///< with the registry's host
  oci::Digest digest;
};

struct PruneResult {
  std::vector<PrunedName> names;  ///< no kept receipt or bundle needs them; they went, or would go
  std::vector<std::string> stay;  ///< "NAME: why it stays, though nobody needs it"
  std::size_t kept = 0;           ///< names that are needed
  std::size_t manifests = 0;      ///< deleted by digest
  std::size_t gone = 0;           ///< were not there any more
};

/// A name goes if a receipt says that airlock made it here, it still stands for what that receipt says, and nothing
/// that is kept has it. Manifests below it go where no other tag of the repository reaches them. An Error (code
/// `registry`) where the registry does not delete.
PruneResult prune(const PruneRequest& request, Reporter& reporter);

}  // namespace airlock::flow
