// SPDX-License-Identifier: Apache-2.0
// Where the distribution API keeps things, and what access they need.
#pragma once

#include <string>

#include "airlock/registry/client.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

inline Scopes pull_scope(const std::string& repository) { return {"repository:" + repository + ":pull"}; }
inline Scopes push_scope(const std::string& repository) { return {"repository:" + repository + ":pull,push"}; }

inline std::string repository_url(const Endpoint& endpoint, const Repository& repository) {
  return endpoint.origin.str() + "/v2/" + endpoint.repository(repository.name);
}

inline std::string blob_url(const Endpoint& endpoint, const Repository& repository, const oci::Digest& digest) {
  return repository_url(endpoint, repository) + "/blobs/" + digest.str();
}

}  // namespace airlock::registry
