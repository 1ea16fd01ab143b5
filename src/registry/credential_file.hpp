// SPDX-License-Identifier: Apache-2.0
// One file of credentials: Docker's config.json (docker-login(1)), containers-auth.json(5), and the keys that kubelet
// adds to both (kubernetes.io/docs/concepts/containers/images, "Interpretation of config.json").
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/registry/credentials.hpp"

namespace airlock::registry {

/// A host as keys are compared: in lower case, without TLS's own port, Docker Hub under one name.
std::string credential_host(std::string_view host);

/// What a key of `auths` means.
struct CredentialKey {
  /// How a key that is for a whole host is written, the most exact form first. Of several that mean the same host, the
  /// first one counts: `own` is what `docker login` writes today, URLs are left from earlier.
  enum class Form { own, host, slash, api, url, plain_url };

  std::string host;  ///< as credential_host() has it; may hold `*` and `?`
  std::string path;  ///< of the repositories that it is for; empty: all
  Form form = Form::host;

  /// Nothing where the key names neither a registry nor a repository: paths of Docker's first API, as its login through
  /// the browser stores them (github.com/docker/cli/issues/5244).
  static std::optional<CredentialKey> parse(std::string_view text);
  /// `wanted` as credential_host() has it. `repository` empty: only keys for the whole host fit.
  bool fits(const std::string& wanted, std::string_view repository) const;
  /// Whether it is to be preferred where both fit.
  bool is_more_exact_than(const CredentialKey& other) const;
  bool is_pattern() const { return host.find_first_of("*?") != std::string::npos; }
};

class CredentialFile {
 public:
  /// An Error (code `usage`) that never quotes the content, where it is no JSON object.
  static CredentialFile read(const std::filesystem::path& path);
  /// The same of its content. `text` is wiped.
  static CredentialFile parse(const std::filesystem::path& path, std::string& text);

  enum class Reach { repository, host };
  /// `host` is as credential_host() has it, here and below.
  /// The entry of `auths` that fits best, of those for a part of a host or of those for all of it. Entries without
  /// content are passed over; what is wrong with one that would have fit is the obstacle.
  FoundCredentials find(Reach reach, const std::string& host, std::string_view repository) const;
  /// NAME of docker-credential-NAME; empty where there is none for this host.
  std::string helper(const std::string& host) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Entry {
    CredentialKey key;
    std::string name;  // as written
    std::optional<Credentials> credentials;
    std::string flaw;  // why there are none
  };
  std::filesystem::path path_;
  std::vector<Entry> auths_;  // the most exact first
  std::map<std::string, std::string> helpers_;
  std::string store_;  // for all other hosts
};

}  // namespace airlock::registry
