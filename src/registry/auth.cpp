// SPDX-License-Identifier: Apache-2.0
#include "registry/auth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"
#include "registry/token.hpp"

namespace airlock::registry {

namespace {

constexpr std::chrono::seconds margin{10};  // a token is renewed before it expires on its way
constexpr std::chrono::hours as_long_as_it_takes{24 * 365};

/// One password may be right at one place and not at another: each has its own trial.
std::string account_of(const std::string& host, const std::string& source, const std::string& place) {
  return fmt::format("{}\n{}\n{}", host, source, place);
}

enum class Kind { password, identity_token, registry_token };

Error refused_credentials(Side side, const std::string& by, const std::string& host, Kind kind,
                          const std::string& source, const std::string& said) {
  const char* what = kind == Kind::password         ? "the credentials"
                     : kind == Kind::identity_token ? "the identity token"
                                                    : "the registry token";
  return Error(ErrorCode::registry, side, fmt::format("{} refused {} for {} ({}): {}", by, what, host, source, said))
      .hint(kind != Kind::password ? "log in anew with the tool that wrote it into config.json"
            : source == "--username"
                ? "check the user name and password: --username, --password-stdin"
                : fmt::format("check the user name and password of {}, or log in anew with the tool that stored them",
                              source));
}

/// The token server fails: what the registry says without a token does not help.
class TokenServerFailure : public Error {
 public:
  explicit TokenServerFailure(Error error) : Error(std::move(error)) {}
};

/// It does not give this token; it may give another one.
class TokenRefusal : public Error {
 public:
  explicit TokenRefusal(Error error) : Error(std::move(error)) {}
};

bool says_nothing_of_passwords(long status) {
  return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

}  // namespace

Authenticator::Authenticator(const CredentialStore& credentials, Perform perform, Side side, Clock& clock)
    : credentials_(credentials), perform_(std::move(perform)), side_(side), clock_(clock) {}

Authenticator::TokenPlace& Authenticator::place_of(const Origin& origin, const Scopes& scopes) {
  const std::lock_guard lock(mutex_);
  auto& place = tokens_[{origin, scopes}];
  if (!place) place = std::make_unique<TokenPlace>();
  return *place;
}

PasswordTrial& Authenticator::trial_of(const std::string& account) {
  const std::lock_guard lock(mutex_);
  auto& trial = trials_[account];
  if (!trial) trial = std::make_unique<PasswordTrial>();
  return *trial;
}

Authenticator::Habit Authenticator::habit_of(const Origin& origin) {
  const std::lock_guard lock(mutex_);
  const auto habit = habits_.find(origin);
  return habit == habits_.end() ? Habit() : habit->second;
}

void Authenticator::learn(const Origin& origin, std::vector<Challenge> challenges) {
  for (Challenge& challenge : challenges) challenge.parameters.erase("scope");
  const std::lock_guard lock(mutex_);
  habits_[origin].ping = std::move(challenges);
}

void Authenticator::note_bearer(const Origin& origin, const Challenge& challenge, bool as_foreseen) {
  const std::lock_guard lock(mutex_);
  Habit& habit = habits_[origin];
  const auto differs = [&](const char* parameter) {
    return habit.bearer && habit.bearer->parameter(parameter) != challenge.parameter(parameter);
  };
  if (!as_foreseen || differs("realm") || differs("service")) habit.varies = true;
  habit.bearer = challenge;
}

Authenticator::Offer Authenticator::header(const Origin& origin, const std::string& host, const Scopes& scopes) {
  const Habit habit = habit_of(origin);
  if (!habit.bearer && !habit.basic && habit.ping.empty()) return {};
  try {
    return offer_ahead(origin, host, scopes, habit);
  } catch (const TokenServerFailure&) {
    // Tokens are wanted here: asking without one would only be the way to the same failure.
    if (habit.bearer) throw;
    return {};
  } catch (const Error& error) {
    // The registry has not refused anything yet, and may name another realm or scope.
    if (error.code() == ErrorCode::interrupted) throw;
    return {};
  }
}

Authenticator::Offer Authenticator::offer_ahead(const Origin& origin, const std::string& host, const Scopes& scopes,
                                                const Habit& habit) {
  const FoundCredentials found = credentials_.look_up(host, repository_of(scopes));
  if (habit.bearer) {
    TokenPlace& place = place_of(origin, scopes);
    const std::lock_guard lock(place.mutex);
    if (place.token.good(clock_.now())) return {place.token.header};
    const auto challenge = place.challenge ? place.challenge : habit.varies ? std::nullopt : habit.bearer;
    if (challenge) {
      const Scopes asked = place.challenge ? place.asked : scopes;
      place.token = fetch_token(origin, host, asked, *challenge, found);
      place.asked = asked;
      return {place.token.header};
    }
  }
  if (!found.credentials) return {};
  if (habit.basic && found.credentials->has_login()) return password_offer(origin, host, *found.credentials);
  if (habit.bearer || habit.basic) return {};
  return answer(origin, host, scopes, {}, habit.ping).value_or(Offer());
}

std::optional<Authenticator::Offer> Authenticator::answer(const Origin& origin, const std::string& host,
                                                          const Scopes& scopes, const Secret& sent,
                                                          const std::vector<Challenge>& challenges) {
  const FoundCredentials found = credentials_.look_up(host, repository_of(scopes));
  const Challenge* without_realm = nullptr;
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme == "bearer") {
      if (realm_of(challenge, origin)) return token_offer(origin, host, scopes, sent, challenge, found);
      without_realm = &challenge;
    } else if (challenge.scheme == "basic" && found.credentials && found.credentials->has_login()) {
      Offer offer = password_offer(origin, host, *found.credentials);
      if (offer.header != sent || offer.trial) return offer;
    }
  }
  if (without_realm != nullptr)
    throw Error(
        ErrorCode::registry, side_,
        fmt::format("{} sends its users for a token to \"{}\"", host, printable(without_realm->parameter("realm"))))
        .hint("a realm must be an https:// URL where the registry itself is reached over TLS");
  const bool asks_for_password =
      std::ranges::any_of(challenges, [](const Challenge& challenge) { return challenge.scheme == "basic"; });
  if (asks_for_password && found.obstacle) throw Error(*found.obstacle);
  return std::nullopt;
}

Authenticator::Offer Authenticator::password_offer(const Origin& origin, const std::string& host,
                                                   const Credentials& credentials) {
  {
    const std::lock_guard lock(mutex_);
    habits_[origin].basic = true;
  }
  Offer offer{basic_header(credentials), false, account_of(host, credentials.source, origin.str()), credentials.source};
  offer.trial = trial_of(offer.account).begin();
  return offer;
}

void Authenticator::settle(const Origin& origin, const std::string& host, const Offer& offer, long status) {
  if (!offer.trial) return;
  PasswordTrial& trial = trial_of(offer.account);
  if (status == 401)
    trial.end(refused_credentials(side_, origin.str(), host, Kind::password, offer.source, "HTTP 401"));
  else
    trial.end(says_nothing_of_passwords(status) ? PasswordTrial::Outcome::unknown : PasswordTrial::Outcome::right);
}

std::size_t Authenticator::waiting(const std::string& host) {
  const std::lock_guard lock(mutex_);
  std::size_t all = 0;
  for (const auto& [account, trial] : trials_)
    if (account.starts_with(host + "\n")) all += trial->waiting();
  return all;
}

Authenticator::Offer Authenticator::token_offer(const Origin& origin, const std::string& host, const Scopes& scopes,
                                                const Secret& sent, const Challenge& challenge,
                                                const FoundCredentials& found) {
  TokenPlace& place = place_of(origin, scopes);
  const std::lock_guard lock(place.mutex);
  // Of requests that were refused together, the first one gets the token for all.
  if (place.token.good(clock_.now()) && place.token.header != sent) return {place.token.header};
  if (!sent.empty() && place.token.header == sent && found.credentials && !found.credentials->registry_token.empty())
    throw refused_credentials(side_, origin.str(), host, Kind::registry_token, found.credentials->source, "HTTP 401");
  const Scopes named = scopes_to_ask({}, challenge.parameter("scope"));
  Scopes asked = scopes_to_ask(scopes, challenge.parameter("scope"));
  try {
    place.token = fetch_token(origin, host, asked, challenge, found);
  } catch (const TokenRefusal&) {
    // Token servers that give all or nothing (github.com/cloudflare/serverless-registry/issues/148) refuse what is
    // asked for beyond the challenge.
    if (named.empty() || asked == named) throw;
    asked = named;
    place.token = fetch_token(origin, host, asked, challenge, found);
  }
  place.asked = asked;
  place.challenge = challenge;
  note_bearer(origin, challenge, asked == scopes);
  return {place.token.header};
}

HttpAnswer Authenticator::perform_trial(const HttpRequest& request, const std::string& host, const std::string& realm,
                                        const Credentials& credentials) {
  PasswordTrial& trial = trial_of(account_of(host, credentials.source, realm));
  const bool first = trial.begin();
  HttpAnswer answer;
  try {
    answer = perform_(request);
  } catch (...) {
    if (first) trial.end(PasswordTrial::Outcome::unknown);
    throw;
  }
  const bool identity = !credentials.identity_token.empty();
  if (identity ? quirks::refuses_identity_token(answer) : answer.status == 401) {
    const Error refusal = refused_credentials(side_, realm, host, identity ? Kind::identity_token : Kind::password,
                                              credentials.source, describe_token_refusal(answer));
    if (first) trial.end(refusal);
    throw TokenRefusal(refusal);
  }
  if (first)
    trial.end(answer.ok() || answer.status == 403 ? PasswordTrial::Outcome::right : PasswordTrial::Outcome::unknown);
  return answer;
}

Authenticator::Token Authenticator::fetch_token(const Origin& origin, const std::string& host, const Scopes& scopes,
                                                const Challenge& challenge, const FoundCredentials& found) {
  const Credentials* credentials = found.credentials ? &*found.credentials : nullptr;
  if (credentials != nullptr && !credentials->registry_token.empty()) {
    Secret header("Bearer ");
    header.append(credentials->registry_token.view());
    return {std::move(header), clock_.now() + as_long_as_it_takes};
  }
  const std::string realm = realm_of(challenge, origin).value_or("");
  const auto realm_origin = origin_of(realm);
  if (!realm_origin) throw Error(ErrorCode::internal, "a challenge without a realm was to be answered");
  HttpRequest request = token_request(realm, challenge.parameter("service"), scopes, credentials);
  const WipedText wiped(request.body_text);
  request.present_certificate = *realm_origin == origin;
  HttpAnswer answer =
      credentials != nullptr ? perform_trial(request, host, realm_origin->str(), *credentials) : perform_(request);
  if (answer.ok()) {
    if (auto token = read_token(answer.body))
      return {std::move(token->header), clock_.now() + token->lifetime - margin};
    throw TokenServerFailure(
        Error(ErrorCode::registry, side_, realm_origin->str() + " answered without a token that airlock can read")
            .hint("the registry's token server is broken; see its log"));
  }
  const std::string said = describe_token_refusal(answer);
  if (says_nothing_of_passwords(answer.status))
    throw TokenServerFailure(
        Error(ErrorCode::registry, side_, fmt::format("no token for {} from {}: {}", host, realm_origin->str(), said))
            .hint(answer.advice)
            .hint("the registry's token server fails; see its log, or try again later"));
  if (credentials == nullptr && found.obstacle) throw TokenRefusal(*found.obstacle);
  if (answer.status == 401 || answer.status == 403)
    throw TokenRefusal(
        Error(ErrorCode::registry, side_,
              fmt::format("{} refused {} for {} ({})", realm_origin->str(),
                          credentials != nullptr ? "a token to the owner of the credentials" : "an anonymous token",
                          host, said))
            .hint(advice(host, scopes, true)));
  throw TokenRefusal(
      Error(ErrorCode::registry, side_, fmt::format("no token for {} from {}: {}", host, realm_origin->str(), said))
          .hint("the registry names that address for tokens: see its configuration (the realm of its authentication)"));
}

std::string Authenticator::advice(const std::string& host, const Scopes& scopes, bool sent) const {
  const FoundCredentials found = credentials_.look_up(host, repository_of(scopes));
  if (found.credentials && sent)
    return fmt::format("the credentials ({}) do not allow it; ask the registry's administrator",
                       found.credentials->source);
  if (found.credentials)
    return fmt::format(
        "the credentials ({}) were not sent, because nothing asked for them: it may be something before the registry "
        "that refuses (a proxy, a firewall)",
        found.credentials->source);
  if (found.obstacle) return fmt::format("{}; {}", found.obstacle->what(), found.obstacle->hint());
  return fmt::format(
      "there are no credentials for {}: give an entry in `auths` of config.json (docker login {}), or, for the one "
      "registry of all images, --username and --password-stdin",
      host, host);
}

}  // namespace airlock::registry
