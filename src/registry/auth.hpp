// SPDX-License-Identifier: Apache-2.0
// Authentication: challenges (RFC 9110, section 11), basic (RFC 7617), bearer tokens from a realm (distribution,
// docs/spec/auth/token.md).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/registry/types.hpp"
#include "registry/http.hpp"

namespace airlock::registry {

/// One challenge of a WWW-Authenticate header.
struct Challenge {
  std::string scheme;                             ///< lower case
  std::map<std::string, std::string> parameters;  ///< names in lower case
};

/// All challenges of the header's values; malformed ones are left out.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& values);

/// What access a request needs, e.g. "repository:calico/cni:pull"; several for a mount.
using Scopes = std::set<std::string>;

/// Finds the Authorization header for requests to an origin. Thread-safe.
class Authenticator {
 public:
  /// Performs token requests, with retries, without redirects.
  using Perform = std::function<HttpAnswer(const HttpRequest&)>;

  Authenticator(const CredentialStore& credentials, Perform perform, Side side);

  /// What is known without asking; empty for anonymous.
  std::string header(const Origin& origin, const Scopes& scopes);

  /// Answers a 401. `host` is the registry's name in credential files. False when there is nothing new to offer: the
  /// request is then refused for good.
  bool answer(const Origin& origin, const std::string& host, const Scopes& scopes, const std::string& sent,
              const std::vector<Challenge>& challenges);

 private:
  struct Token {
    std::string header;
    std::chrono::steady_clock::time_point expires;
  };
  Token fetch_token(const Origin& origin, const std::string& host, const Scopes& scopes, const Challenge& challenge);
  Token read_token(const std::string& body, const std::string& realm) const;

  const CredentialStore& credentials_;
  Perform perform_;
  Side side_;
  std::mutex answering_;  // taken before mutex_
  std::mutex mutex_;      // guards what follows
  std::map<Origin, std::string> basic_;
  std::map<std::pair<Origin, Scopes>, Token> tokens_;
};

}  // namespace airlock::registry
