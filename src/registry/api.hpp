// SPDX-License-Identifier: Apache-2.0
// Where the distribution API keeps things, and what access they need.
#pragma once

#include <string>

#include "airlock/registry/client.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

inline Scopes pull_scope(const oci::Repository& repository) { return {"repository:" + repository.str() + ":pull"}; }
inline Scopes push_scope(const oci::Repository& repository) {
  return {"repository:" + repository.str() + ":pull,push"};
}

inline std::string repository_url(const Endpoint& endpoint, const Repository& repository) {
  return endpoint.origin.str() + "/v2/" + endpoint.repository(repository.name).str();
}

inline std::string blob_url(const Endpoint& endpoint, const Repository& repository, const oci::Digest& digest) {
  return repository_url(endpoint, repository) + "/blobs/" + digest.str();
}

}  // namespace airlock::registry
