// SPDX-License-Identifier: Apache-2.0
// Authentication: challenges (RFC 9110, section 11), basic (RFC 7617), bearer tokens from a realm (distribution,
// docs/spec/auth/token.md and oauth.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/base/clock.hpp"
#include "airlock/base/event.hpp"
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

/// Finds the Authorization header for requests to an origin. Thread-safe: threads that need the same token wait for the
/// one that fetches it, others go on.
class Authenticator {
 public:
  /// Performs token requests, with retries, without redirects.
  using Perform = std::function<HttpAnswer(const HttpRequest&)>;

  Authenticator(const CredentialStore& credentials, Perform perform, Side side, Clock& clock = steady_clock());

  /// The header to send; empty for anonymous. Once an origin has said where it gets its tokens, one is fetched before
  /// the request instead of after its refusal. `host` is the registry's name in credential files.
  Secret header(const Origin& origin, const std::string& host, const Scopes& scopes);

  /// What to send instead, after a 401.
  struct Offer {
    Secret header;
    bool trial = false;  ///< a password that this registry has not taken yet
  };
  /// Nothing when there is nothing new to offer: the request is then refused for good. A password that was refused is
  /// an Error from then on. While one is being tried, others that would send it too wait for the outcome: a wrong
  /// password is sent once, and not once for each of a hundred images, which would lock the account.
  std::optional<Offer> answer(const Origin& origin, const std::string& host, const Scopes& scopes, const Secret& sent,
                              const std::vector<Challenge>& challenges);
  /// REQUIRES: called for each Offer that was a trial, with the status of the answer; 0: there was none.
  void settle(const Origin& origin, const std::string& host, const Offer& offer, long status);
  /// How many wait to hear whether the password for a host is right.
  std::size_t waiting(const std::string& host);

 private:
  /// Whether the password for a host is right.
  class Trial {
   public:
    /// True: it is not known, and the caller finds out and says so with end(). False: it is right. Waits for another
    /// one that is finding out; an Error when it is wrong.
    bool begin();
    enum class Outcome { unknown, right };
    void end(Outcome outcome);
    void end(Error refusal);
    std::size_t waiting() const;

   private:
    mutable std::mutex mutex_;
    Condition changed_;
    enum class State { unknown, trying, right } state_ = State::unknown;
    std::optional<Error> refusal_;
  };
  Trial& trial_of(const std::string& host);
  HttpAnswer perform_trial(const HttpRequest& request, const std::string& host, const std::string& realm,
                           const Credentials& credentials);

  struct Token {
    Secret header;
    Clock::Time expires;
    bool good(Clock::Time now) const { return !header.empty() && now < expires; }
  };
  struct TokenPlace {
    std::mutex mutex;  // held while the token is fetched
    Token token;
  };
  TokenPlace& place_of(const Origin& origin, const Scopes& scopes);
  Token fetch_token(const Origin& origin, const std::string& host, const Scopes& scopes, const Challenge& challenge);
  HttpRequest token_request(const std::string& realm, const std::string& service, const Scopes& scopes,
                            const std::optional<Credentials>& credentials) const;
  Token read_token(std::string& body, const std::string& realm) const;

  const CredentialStore& credentials_;
  Perform perform_;
  Side side_;
  Clock& clock_;
  std::mutex mutex_;                // guards what follows, not what the places hold
  std::map<Origin, Secret> basic_;  // that were taken
  std::map<std::string, std::unique_ptr<Trial>> trials_;
  std::map<Origin, Challenge> bearer_;  // where an origin's tokens come from
  std::map<std::pair<Origin, Scopes>, std::unique_ptr<TokenPlace>> tokens_;
};

}  // namespace airlock::registry
