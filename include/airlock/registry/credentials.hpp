// SPDX-License-Identifier: Apache-2.0
// Credentials as Docker and containers/image keep them: config.json (docker-login(1), containers-auth.json(5)) and
// helper programs (github.com/docker/docker-credential-helpers, README: "get").
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/secret.hpp"

namespace airlock::registry {

class CredentialFile;  // src/registry/credential_file.hpp

struct Credentials {
  std::string username;
  Secret password;
  Secret identity_token;    ///< instead of a password: an OAuth2 refresh token that the registry's realm gave
  Secret registry_token{};  ///< instead of both: a token that the registry itself takes, whatever the scope
  std::string source{};     ///< where it was found, for messages

  /// Whether there is something to log in with. A user name without a password is what an empty variable leaves behind
  /// (no `docker login` takes one); a password without a user name is how some registries take their tokens.
  bool has_login() const { return !password.empty(); }
  bool empty() const { return !has_login() && identity_token.empty() && registry_token.empty(); }
};

/// What a search for credentials found.
struct FoundCredentials {
  std::optional<Credentials> credentials;
  /// Where there are none: why what is configured gave none, such as a helper that fails. It matters only once the
  /// registry refuses who is anonymous.
  std::optional<Error> obstacle;
};

/// Credentials by registry host and repository. Copies share what helpers have answered. Thread-safe after it was set
/// up.
class CredentialStore {
 public:
  CredentialStore();
  CredentialStore(const CredentialStore&);
  CredentialStore(CredentialStore&&) noexcept;
  CredentialStore& operator=(const CredentialStore&);
  CredentialStore& operator=(CredentialStore&&) noexcept;
  ~CredentialStore();
  /// `$REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else `$XDG_RUNTIME_DIR/containers/auth.json`,
  /// `$XDG_CONFIG_HOME/containers/auth.json` (`~/.config` without the variable) and `~/.docker/config.json`, in this
  /// order. A missing or empty file is an empty store; one that is no JSON object is an Error (code `usage`) that never
  /// quotes its content. Entries that cannot be read are left out.
  static CredentialStore from_environment();

  /// Comes before what files and helpers say.
  void set(const std::string& host, Credentials credentials);

  /// What there is for a repository of the host `name`. Of a file, the first of: the entry of `auths` for the longest
  /// part of the repository's path; what the helper of `credHelpers` or `credsStore` has; the entry for the whole host.
  /// Runs a helper at most once for each host.
  FoundCredentials look_up(const std::string& name, const std::string& repository) const;
  /// The same without the reason why there are none; without a repository, what is for the whole host.
  std::optional<Credentials> find(const std::string& name, const std::string& repository = "") const;

 private:
  struct Answers;

  std::map<std::string, Credentials> given_;
  std::vector<std::shared_ptr<const CredentialFile>> files_;
  std::shared_ptr<Answers> answers_;
};

}  // namespace airlock::registry
