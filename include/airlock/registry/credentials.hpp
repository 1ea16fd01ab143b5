// SPDX-License-Identifier: Apache-2.0
// Credentials as Docker and containers/image keep them: config.json (docker-login(1), containers-auth.json(5)) and
// helper programs (github.com/docker/docker-credential-helpers, README: "get").
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/secret.hpp"

namespace airlock::registry {

struct Credentials {
  std::string username;
  Secret password;
  Secret identity_token;  ///< instead of a password: an OAuth2 refresh token that the registry's realm gave
};

/// Credentials by registry host. Copies share what helpers have answered. Thread-safe after it was set up.
class CredentialStore {
 public:
  CredentialStore();
  /// `$REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else `$XDG_RUNTIME_DIR/containers/auth.json` and
  /// `~/.docker/config.json`, in this order. Only what is for a whole registry is taken. A missing file is an empty
  /// store; a malformed one is an Error (code `usage`) that never quotes its content.
  static CredentialStore from_environment();

  /// Comes before what files and helpers say.
  void set(const std::string& host, Credentials credentials);

  /// What there is for the host `name`: `credHelpers`, `credsStore`, `auths`. Runs a helper at most once for each host.
  /// A helper that is missing or fails for another reason than having nothing is an Error (code `usage`).
  std::optional<Credentials> find(const std::string& name) const;

 private:
  struct File {
    std::filesystem::path path;
    std::map<std::string, Credentials> auths;    // by host
    std::map<std::string, std::string> helpers;  // by host: NAME of docker-credential-NAME
    std::string store;                           // NAME for all other hosts
  };
  static File load(const std::filesystem::path& path);

  struct Answers {
    std::mutex mutex;
    std::map<std::string, std::optional<Credentials>> by_host;
  };

  std::map<std::string, Credentials> given_;
  std::vector<File> files_;
  std::shared_ptr<Answers> answers_;
};

}  // namespace airlock::registry
