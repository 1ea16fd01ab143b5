// SPDX-License-Identifier: Apache-2.0
// Authentication: what is answered to challenges (RFC 9110, section 11): passwords (RFC 7617) and tokens from a realm.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/base/clock.hpp"
#include "airlock/registry/types.hpp"
#include "registry/challenge.hpp"
#include "registry/http.hpp"
#include "registry/password_trial.hpp"

namespace airlock::registry {

/// Finds the Authorization header for requests to an origin. Thread-safe: threads that need the same token wait for the
/// one that fetches it, others go on.
class Authenticator {
 public:
  /// Performs token requests, with retries and those redirects that may be followed.
  using Perform = std::function<HttpAnswer(const HttpRequest&)>;

  Authenticator(const CredentialStore& credentials, Perform perform, Side side, Clock& clock = steady_clock());

  /// What to send with a request.
  struct Offer {
    Secret header{};        ///< empty for anonymous
    bool trial = false;     ///< a password that this registry has not taken yet
    std::string account{};  ///< whose trial it is
    std::string source{};   ///< where it was found
  };

  /// What an origin asks of all, said in its answer to GET /v2/. With credentials it is obeyed from the first request
  /// on: registries that let anybody read hide what they would show with them (github.com/moby/moby/issues/18569,
  /// github.com/sonatype/nexus-public/issues/217). Its scope is a sample there, and not looked at.
  void learn(const Origin& origin, std::vector<Challenge> challenges);

  /// What to send before anything was refused. What an origin has asked for once is offered with the first request
  /// instead of after its refusal. `host` is the registry's name in credential files. What goes wrong here is no Error
  /// where the registry may still say something else: the request then goes without.
  Offer header(const Origin& origin, const std::string& host, const Scopes& scopes);

  /// What to send instead, after a 401. Nothing when there is nothing new to offer: the request is then refused for
  /// good. A password that was refused is an Error from then on. While one is being tried, others that would send it
  /// too wait for the outcome: a wrong password is sent once, and not once for each of a hundred images, which would
  /// lock the account.
  std::optional<Offer> answer(const Origin& origin, const std::string& host, const Scopes& scopes, const Secret& sent,
                              const std::vector<Challenge>& challenges);
  /// REQUIRES: called for each Offer that was a trial, with the status of the answer; 0: there was none.
  void settle(const Origin& origin, const std::string& host, const Offer& offer, long status);
  /// How many wait to hear whether the password for a host is right.
  std::size_t waiting(const std::string& host);

  /// What helps against a refusal of these scopes (401, 403) that nothing more can be offered to. `sent`: the request
  /// had an Authorization header.
  std::string advice(const std::string& host, const Scopes& scopes, bool sent) const;

 private:
  struct Token {
    Secret header;
    Clock::Time expires;
    bool good(Clock::Time now) const { return !header.empty() && now < expires; }
  };
  struct TokenPlace {
    std::mutex mutex;  // held while the token is fetched
    Token token;
    Scopes asked;                        // for it
    std::optional<Challenge> challenge;  // that it answers
  };
  /// What an origin has asked for.
  struct Habit {
    std::vector<Challenge> ping;      // at /v2/
    std::optional<Challenge> bearer;  // by a refusal
    bool basic = false;               // the same
    bool varies = false;              // repositories have realms or names of their own: no token is fetched ahead
  };
  enum class Ahead { no, yes };  // of a refusal

  PasswordTrial& trial_of(const std::string& account);
  TokenPlace& place_of(const Origin& origin, const Scopes& scopes);
  Habit habit_of(const Origin& origin);
  Offer offer_ahead(const Origin& origin, const std::string& host, const Scopes& scopes, const Habit& habit);
  Offer password_offer(const Origin& origin, const std::string& host, const Credentials& credentials);
  void note_bearer(const Origin& origin, const Challenge& challenge, bool as_foreseen);
  Offer token_offer(const Origin& origin, const std::string& host, const Scopes& scopes, const Secret& sent,
                    const Challenge& challenge, const FoundCredentials& found);
  Token fetch_token(const Origin& origin, const std::string& host, const Scopes& scopes, const Challenge& challenge,
                    const FoundCredentials& found);
  HttpAnswer perform_trial(const HttpRequest& request, const std::string& host, const std::string& realm,
                           const Credentials& credentials);

  const CredentialStore& credentials_;
  Perform perform_;
  Side side_;
  Clock& clock_;
  std::mutex mutex_;                                              // guards what follows, not what the places hold
  std::map<std::string, std::unique_ptr<PasswordTrial>> trials_;  // by account
  std::map<Origin, Habit> habits_;
  std::map<std::pair<Origin, Scopes>, std::unique_ptr<TokenPlace>> tokens_;
};

}  // namespace airlock::registry
