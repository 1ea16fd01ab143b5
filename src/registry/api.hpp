// SPDX-License-Identifier: Apache-2.0
// Where the distribution API keeps things, and what access they need.
#pragma once

#include <fmt/format.h>

#include <string>

#include "airlock/registry/client.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

inline Scopes pull_scope(const oci::Repository& repository) {
  return {fmt::format("repository:{}:pull", repository.str())};
}
inline Scopes push_scope(const oci::Repository& repository) {
  return {fmt::format("repository:{}:pull,push", repository.str())};
}

/// docs/spec/auth/scope.md of distribution; others take `*` for all of them.
inline Scopes delete_scope(const oci::Repository& repository) {
  return {fmt::format("repository:{}:pull,push,delete", repository.str())};
}

inline std::string repository_url(const Endpoint& endpoint, const Repository& repository) {
  return fmt::format("{}/v2/{}", endpoint.origin.str(), endpoint.repository(repository.name).str());
}

inline std::string blob_url(const Endpoint& endpoint, const Repository& repository, const oci::Digest& digest) {
  return fmt::format("{}/blobs/{}", repository_url(endpoint, repository), digest.str());
}

}  // namespace airlock::registry
