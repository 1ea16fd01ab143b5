// SPDX-License-Identifier: Apache-2.0
// Programs that keep credentials (github.com/docker/docker-credential-helpers, README: "get").
#pragma once

#include <filesystem>
#include <string>

#include "airlock/registry/credentials.hpp"

namespace airlock::registry {

/// Asks docker-credential-`name`, which `config` names for `host` (as credential_host() has it). Nothing when it has
/// nothing for this host. What goes wrong is the obstacle (code `usage`), which never quotes a secret. An interruption
/// by the user is an Error.
FoundCredentials ask_credential_helper(const std::string& name, const std::string& host,
                                       const std::filesystem::path& config);

}  // namespace airlock::registry
