// SPDX-License-Identifier: Apache-2.0
// How registries are reached: hosts, mirrors, credentials, TLS.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "airlock/base/error.hpp"

namespace airlock::registry {

/// A registry as a person names it on the command line: `registry.local:5000/kubernetes`.
struct Location {
  std::string host;    ///< with port
  std::string prefix;  ///< repository prefix without slashes at its ends; may be empty

  /// An Error (code `usage`) for schemes, tags and malformed names.
  static Location parse(std::string_view text);
  std::string str() const { return prefix.empty() ? host : host + "/" + prefix; }
  /// The repository below the prefix.
  std::string repository(std::string_view name) const {
    return prefix.empty() ? std::string(name) : prefix + "/" + std::string(name);
  }
};

/// Where to ask instead of a source registry: `--mirror HOST=[http://]HOST:PORT[/PREFIX]`.
struct Mirror {
  bool plain_http = false;
  Location location;
};

/// How a registry turned out to be reachable.
enum class Reach {
  tls_verified,
  tls_unverified,  ///< only with --insecure
  plain_http       ///< only with --insecure or an http:// mirror
};
std::string to_string(Reach reach);

struct Credentials {
  std::string username;
  std::string password;
};

/// Credentials by registry host, from Docker's config.json files and the command line.
class CredentialStore {
 public:
  /// `$REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`; the `auths` of it that are
  /// for a whole registry. A missing file is an empty store; a malformed one is an Error (code `usage`) that never
  /// quotes its content.
  static CredentialStore from_environment();
  void set(const std::string& host, Credentials credentials);
  std::optional<Credentials> find(const std::string& host) const;

 private:
  void load(const std::filesystem::path& file);
  std::map<std::string, Credentials> by_host_;
};

/// What a Client needs to know.
struct ClientOptions {
  Side side = Side::none;                 ///< for messages
  std::map<std::string, Mirror> mirrors;  ///< by source host
  std::set<std::string> insecure_hosts;   ///< may be reached with unverified TLS or plain HTTP
  std::filesystem::path ca_file;          ///< trusted authorities (PEM) instead of the system's
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
  CredentialStore credentials;
  std::string user_agent;
};

}  // namespace airlock::registry
