// SPDX-License-Identifier: Apache-2.0
#include "registry/auth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "registry/header_scanner.hpp"
#include "registry/quirks.hpp"

namespace airlock::registry {

namespace {

constexpr std::chrono::seconds min_lifetime{60};  // what the token specification says where nothing, or less, is said
constexpr std::chrono::seconds max_lifetime{24 * 3600};
constexpr std::chrono::seconds margin{10};  // a token is renewed before it expires on its way

}  // namespace

std::vector<Challenge> parse_challenges(const std::vector<std::string>& values) {
  std::vector<Challenge> challenges;
  for (const std::string& value : values) {
    HeaderScanner scanner(value);
    for (scanner.skip(" \t,"); !scanner.at_end(); scanner.skip(" \t,")) {
      const std::string word = scanner.token();
      if (word.empty()) break;  // malformed
      scanner.skip(" \t");
      if (!scanner.take('='))
        challenges.push_back({to_lower(word), {}});
      else if (!challenges.empty())
        challenges.back().parameters[to_lower(word)] = scanner.value();
      else
        break;
    }
  }
  return challenges;
}

Authenticator::Authenticator(const CredentialStore& credentials, Perform perform, Side side, Clock& clock)
    : credentials_(credentials), perform_(std::move(perform)), side_(side), clock_(clock) {}

Authenticator::TokenPlace& Authenticator::place_of(const Origin& origin, const Scopes& scopes) {
  const std::lock_guard lock(mutex_);
  auto& place = tokens_[{origin, scopes}];
  if (!place) place = std::make_unique<TokenPlace>();
  return *place;
}

Authenticator::Trial& Authenticator::trial_of(const std::string& host) {
  const std::lock_guard lock(mutex_);
  auto& trial = trials_[host];
  if (!trial) trial = std::make_unique<Trial>();
  return *trial;
}

bool Authenticator::Trial::begin() {
  std::unique_lock lock(mutex_);
  while (state_ == State::trying && !refusal_) changed_.wait(lock);
  if (refusal_) throw Error(*refusal_);
  if (state_ == State::right) return false;
  state_ = State::trying;
  return true;
}

void Authenticator::Trial::end(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  state_ = outcome == Outcome::right ? State::right : State::unknown;
  changed_.notify_all();
}

void Authenticator::Trial::end(Error refusal) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(refusal);
  changed_.notify_all();
}

std::size_t Authenticator::Trial::waiting() const {
  const std::lock_guard lock(mutex_);
  return changed_.waiting();
}

namespace {

Secret basic_header(const Credentials& credentials) {
  Secret pair(credentials.username + ":");
  pair.append(credentials.password.view());
  std::string encoded = base64_encode(pair.view());
  Secret header("Basic ");
  header.append(encoded);
  wipe(encoded);
  return header;
}

Error refused_credentials(Side side, const std::string& by, const std::string& host, const Credentials& credentials,
                          const std::string& status) {
  const bool identity = !credentials.identity_token.empty();
  return Error(ErrorCode::registry, side,
               fmt::format("{} refused {} for {} ({})", by, identity ? "the identity token" : "the credentials", host,
                           status))
      .hint(identity ? "log in anew with the tool that wrote it into config.json"
                     : "check the user name and password: --username, or `auths` in config.json");
}

}  // namespace

Secret Authenticator::header(const Origin& origin, const std::string& host, const Scopes& scopes) {
  Challenge challenge;
  {
    const std::lock_guard lock(mutex_);
    const auto bearer = bearer_.find(origin);
    if (bearer == bearer_.end()) {
      const auto basic = basic_.find(origin);
      return basic == basic_.end() ? Secret() : basic->second;
    }
    challenge = bearer->second;
  }
  TokenPlace& place = place_of(origin, scopes);
  const std::lock_guard lock(place.mutex);
  if (!place.token.good(clock_.now())) place.token = fetch_token(origin, host, scopes, challenge);
  return place.token.header;
}

std::optional<Authenticator::Offer> Authenticator::answer(const Origin& origin, const std::string& host,
                                                          const Scopes& scopes, const Secret& sent,
                                                          const std::vector<Challenge>& challenges) {
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme == "bearer") {
      TokenPlace& place = place_of(origin, scopes);
      const std::lock_guard lock(place.mutex);
      // Of requests that were refused together, the first one gets the token for all.
      if (!place.token.good(clock_.now()) || place.token.header == sent)
        place.token = fetch_token(origin, host, scopes, challenge);
      const std::lock_guard all(mutex_);
      bearer_.insert_or_assign(origin, challenge);
      return Offer{place.token.header};
    }
    if (challenge.scheme == "basic") {
      const auto credentials = credentials_.find(host);
      if (!credentials || credentials->username.empty()) continue;
      Offer offer{basic_header(*credentials), false};
      offer.trial = trial_of(host).begin();
      if (offer.header == sent && !offer.trial) return std::nullopt;
      return offer;
    }
  }
  return std::nullopt;
}

void Authenticator::settle(const Origin& origin, const std::string& host, const Offer& offer, long status) {
  if (!offer.trial) return;
  if (status == 0) return trial_of(host).end(Trial::Outcome::unknown);
  if (status == 401)
    return trial_of(host).end(
        refused_credentials(side_, origin.str(), host, credentials_.find(host).value_or(Credentials()), "HTTP 401"));
  {
    const std::lock_guard lock(mutex_);
    basic_.insert_or_assign(origin, offer.header);
  }
  trial_of(host).end(Trial::Outcome::right);
}

std::size_t Authenticator::waiting(const std::string& host) { return trial_of(host).waiting(); }

HttpRequest Authenticator::token_request(const std::string& realm, const std::string& service, const Scopes& scopes,
                                         const std::optional<Credentials>& credentials) const {
  HttpRequest request;
  request.url = realm;
  if (credentials && !credentials->identity_token.empty()) {
    request.method = "POST";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body_text = "grant_type=refresh_token&client_id=airlock&service=" + url_encode(service) +
                        "&scope=" + url_encode(join({scopes.begin(), scopes.end()}, " ")) +
                        "&refresh_token=" + url_encode(credentials->identity_token.view());
    return request;
  }
  request.url += (realm.find('?') == std::string::npos ? "?" : "&") + ("service=" + url_encode(service));
  for (const std::string& scope : scopes) request.url += "&scope=" + url_encode(scope);
  if (credentials) {
    request.url += "&account=" + url_encode(credentials->username);
    request.authorization = basic_header(*credentials);
  }
  return request;
}

HttpAnswer Authenticator::perform_trial(const HttpRequest& request, const std::string& host, const std::string& realm,
                                        const Credentials& credentials) {
  Trial& trial = trial_of(host);
  const bool first = trial.begin();
  HttpAnswer answer;
  try {
    answer = perform_(request);
  } catch (...) {
    if (first) trial.end(Trial::Outcome::unknown);
    throw;
  }
  const bool identity = !credentials.identity_token.empty();
  if (identity ? quirks::refuses_identity_token(answer) : answer.status == 401) {
    const Error refusal = refused_credentials(side_, realm, host, credentials, fmt::format("HTTP {}", answer.status));
    if (first) trial.end(refusal);
    throw refusal;
  }
  if (first) trial.end(answer.ok() || answer.status == 403 ? Trial::Outcome::right : Trial::Outcome::unknown);
  return answer;
}

Authenticator::Token Authenticator::fetch_token(const Origin& origin, const std::string& host, const Scopes& scopes,
                                                const Challenge& challenge) {
  const auto parameter = [&](const char* name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
  };
  const std::string realm = parameter("realm");
  const auto realm_origin = origin_of(realm);
  if (!realm_origin || (origin.scheme == "https" && realm_origin->scheme != "https"))
    throw Error(ErrorCode::registry, side_,
                fmt::format("{} sends its users for a token to \"{}\"", host, printable(realm)))
        .hint("a realm must be an https:// URL where the registry itself is reached over TLS");
  const auto credentials = credentials_.find(host);
  HttpRequest request = token_request(realm, parameter("service"), scopes, credentials);
  const WipedText wiped(request.body_text);
  request.present_certificate = *realm_origin == origin;
  HttpAnswer answer = credentials ? perform_trial(request, host, realm_origin->str(), *credentials) : perform_(request);
  const std::string status = answer.status == 0 ? answer.failure_text : fmt::format("HTTP {}", answer.status);
  if (answer.status == 401 || answer.status == 403)
    throw Error(ErrorCode::registry, side_,
                fmt::format("{} refused {} for {} ({})", realm_origin->str(),
                            credentials ? "the credentials" : "an anonymous token", host, status))
        .hint("check the user name and password: --username, or `auths` in config.json");
  if (!answer.ok())
    throw Error(ErrorCode::registry, side_,
                fmt::format("no token for {} from {}: {}", host, realm_origin->str(), status))
        .hint("the registry's token server fails; see its log, or try again later");
  return read_token(answer.body, realm_origin->str());
}

Authenticator::Token Authenticator::read_token(std::string& body, const std::string& realm) const {
  const WipedText wiped_body(body);
  try {
    Json json = parse_json(body, "token answer");
    const WipedJson wiped(json);
    const JsonObject object(json, "token answer");
    auto lifetime = min_lifetime;
    if (object.has("expires_in"))
      lifetime = std::clamp(std::chrono::seconds(object.integer("expires_in")), min_lifetime, max_lifetime);
    auto token = object.optional_string("token");
    if (!token || token->empty()) token = object.optional_string("access_token");
    if (token && !token->empty() && token->find_first_of("\r\n") == std::string::npos) {
      Secret header("Bearer ");
      header.append(*token);
      wipe(*token);
      return {std::move(header), clock_.now() + lifetime - margin};
    }
  } catch (const Error&) {
    // A parser's message may quote what it stumbled over, and that may be the token.
  }
  throw Error(ErrorCode::registry, side_, realm + " answered without a token that airlock can read")
      .hint("the registry's token server is broken; see its log");
}

}  // namespace airlock::registry
