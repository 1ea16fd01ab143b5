// SPDX-License-Identifier: Apache-2.0
#include "registry/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"
#include "registry/redirect.hpp"

namespace airlock::registry {

namespace {

constexpr unsigned max_redirects = 8;
constexpr unsigned max_auth_rounds = 2;  // one for the credentials, one for a token that expired meanwhile
constexpr std::chrono::milliseconds first_delay{250};
constexpr std::chrono::milliseconds max_delay{30'000};
constexpr std::chrono::minutes max_retry_after{10};  // whoever is told to wait for hours wants to know it now

/// The text of `299 - "text"` (distribution-spec, "Warnings"); empty for other codes and forms.
std::string warning_text(std::string_view value) {
  const auto open = value.find('"');
  const auto close = value.rfind('"');
  if (!value.starts_with("299 ") || open == std::string_view::npos || close <= open) return {};
  return printable(value.substr(open + 1, close - open - 1));
}

}  // namespace

bool worth_retrying(const HttpAnswer& answer) {
  using enum HttpAnswer::Failure;
  if (answer.status == 0)
    return answer.failure == transient || answer.failure == stalled || answer.failure == handshake;
  if (answer.retry_after && *answer.retry_after > max_retry_after) return false;
  return quirks::may_pass(answer.status);
}

namespace {

TransportOptions transport_options(const ClientOptions& options) {
  return {options.ca_file,       options.client_certificate, options.client_key,
          options.stall_timeout, options.user_agent,         trust_environment()};
}

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): not moved, because the transport is made of it at the same time
Client::Session::Session(ClientOptions options, Reporter& reporter)
    : Session(options, reporter, std::make_unique<HttpTransport>(transport_options(options)), steady_clock()) {}

Client::Session::Session(ClientOptions options, Reporter& reporter, std::unique_ptr<Transport> transport, Clock& clock)
    : options_(std::move(options)),
      reporter_(reporter),
      transport_(std::move(transport)),
      clock_(clock),
      authenticator_(
          options_.credentials,
          [this](const HttpRequest& request) {
            const auto origin = origin_of(request.url);
            const bool verify = !origin || !options_.insecure_hosts.contains(origin->host);
            return perform_following(request, verify, max_attempts);
          },
          options_.side, clock),
      upload_ledger_(options_.upload_ledger) {
  // Hosts are compared as origins have them: in lower case.
  std::set<std::string> insecure;
  for (const std::string& host : options_.insecure_hosts) insecure.insert(to_lower(host));
  options_.insecure_hosts = std::move(insecure);
}

HttpAnswer Client::Session::perform_with_retries(const HttpRequest& request, bool verify_tls, unsigned attempts) {
  for (unsigned attempt = 1;; ++attempt) {
    HttpAnswer answer = exchange(request, verify_tls);
    if (!worth_retrying(answer) || attempt == attempts) return answer;
    wait(attempt, answer, origin_of(request.url)->str());
  }
}

HttpAnswer Client::Session::perform_following(HttpRequest request, bool verify_tls, unsigned attempts) {
  const auto home = origin_of(request.url);
  for (unsigned redirects = 0;; ++redirects) {
    HttpAnswer answer = perform_with_retries(request, verify_tls, attempts);
    const auto origin = origin_of(request.url);
    answer.redirected = origin != home;
    const std::string target = redirect_target(request, answer, *home);
    if (target.empty() || redirects == max_redirects) return answer;
    const auto next = origin_of(target);
    if (next != home && !request.authorization.empty()) return answer;
    if (!next || (home->scheme == "https" && next->scheme == "http")) return answer;
    if (next != home) {
      request.present_certificate = false;
      verify_tls = !options_.insecure_hosts.contains(next->host);
    }
    request.url = target;
  }
}

void Client::Session::explain(const Endpoint& endpoint, const Scopes& scopes, bool had_credentials,
                              HttpAnswer& answer) const {
  if (answer.ok()) return;
  const bool refused = answer.status == 401 || answer.status == 403;
  if (answer.redirected && answer.advice.empty()) {
    answer.advice =
        refused ? "that is not the registry, but where it sends for content: a proxy or a firewall refuses it, or the "
                  "address was valid for a short time only (see that the clocks are right)"
                : "that is not the registry, but where it sends for content: that host has to be reachable too (proxy, "
                  "firewall)";
    return;
  }
  if (!refused) return;
  answer.advice = authenticator_.advice(endpoint.credentials, scopes, had_credentials);
  if (quirks::may_want_client_certificate(answer) && options_.client_certificate.empty() &&
      endpoint.origin.scheme == "https")
    answer.advice += ". It may want a client certificate instead: --cert, --cert-key";
}

void Client::Session::refuse(const HttpAnswer& answer, const std::string& action) const {
  Error error(ErrorCode::registry, options_.side, fmt::format("{}: {}", action, describe(answer)));
  error.hint(answer.advice);
  error.hint(advice_for(answer, options_.side));
  // Docker Hub and Quay answer so for what does not exist, too.
  if (answer.status == 401 || answer.status == 403 || answer.status == 404) error.absent();
  throw error;
}

void Client::Session::refuse(const std::string& message, const std::string& hint) const {
  throw Error(ErrorCode::registry, options_.side, message).hint(hint);
}

Throttle& Client::Session::throttle_of(const Origin& origin) {
  const std::lock_guard lock(mutex_);
  auto& throttle = throttles_[origin];
  if (!throttle) throttle = std::make_unique<Throttle>(clock_);
  return *throttle;
}

HttpAnswer Client::Session::exchange(const HttpRequest& request, bool verify_tls) {
  const auto origin = origin_of(request.url);
  if (!origin) refuse("malformed URL " + printable(request.url), "the registry, or a proxy before it, is broken");
  Throttle& throttle = throttle_of(*origin);
  const Throttle::Place place(throttle);
  HttpAnswer answer = transport_->perform(request, verify_tls);
  answer.asked = origin->str();
  ++requests_;
  if (answer.status == 429 || answer.status == 503) {
    // A pause that nobody waits for ends the run, and must not hold back those who will hear of that.
    auto pause = answer.retry_after.value_or(std::chrono::seconds(0));
    if (pause > max_retry_after) pause = std::chrono::seconds(0);
    if (const auto limit = throttle.overloaded(pause))
      reporter_.detail(
          fmt::format("{} is overloaded: from now on {} at a time", origin->str(), count_of(*limit, "request")));
  } else if (answer.ok()) {
    throttle.succeeded();
  }
  return answer;
}

void Client::Session::listen(const Endpoint& endpoint, const HttpAnswer& answer) {
  const auto warnings = answer.headers.find("warning");
  const auto limit = quirks::rate_limit(answer);
  if (warnings == answer.headers.end() && !limit) return;
  const std::lock_guard lock(mutex_);
  if (limit) {
    RateLimit& known = rate_limits_.try_emplace(endpoint.name, *limit).first->second;
    known = {std::min(known.remaining, limit->remaining), limit->limit};  // answers may overtake each other
  }
  if (warnings == answer.headers.end()) return;
  for (const std::string& value : warnings->second)
    if (const std::string text = warning_text(value); !text.empty())
      show_once(fmt::format("{} says: {}", endpoint.name, text));
}

/// REQUIRES: the caller holds the mutex.
void Client::Session::show_once(const std::string& warning) {
  if (warnings_.size() < 100 && warnings_.insert(warning).second) reporter_.warning(warning);
}

void Client::Session::warn_once(const std::string& warning) {
  const std::lock_guard lock(mutex_);
  show_once(warning);
}

std::optional<RateLimit> Client::Session::rate_limit(const std::string& registry) const {
  const std::lock_guard lock(mutex_);
  const auto found = rate_limits_.find(registry);
  if (found == rate_limits_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t Client::Session::chunk_size(const Endpoint& endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = chunk_sizes_.find(endpoint.origin);
  return found == chunk_sizes_.end() ? 0 : found->second;
}

void Client::Session::limit_chunk_size(const Endpoint& endpoint, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  // Several uploads find it out at the same time, each by the size of its own.
  std::uint64_t& size = chunk_sizes_.try_emplace(endpoint.origin, bytes).first->second;
  size = std::min(size, bytes);
}

bool Client::Session::refuses_ranges(const Endpoint& endpoint) const {
  const std::lock_guard lock(mutex_);
  return without_ranges_.contains(endpoint.origin);
}

void Client::Session::note_refused_range(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  without_ranges_.insert(endpoint.origin);
}

void Client::Session::wait(unsigned attempt, const HttpAnswer& answer, const std::string& what) {
  thread_local std::minstd_rand random(std::random_device{}());
  auto delay = std::min(max_delay, first_delay * (1U << (attempt - 1)));
  delay = delay * std::uniform_int_distribution<int>(50, 150)(random) / 100;
  if (answer.retry_after) delay = std::max<std::chrono::milliseconds>(delay, *answer.retry_after);
  ++retries_;
  reporter_.detail(fmt::format("trying again in {}: {}: {}", human_duration(delay), what, describe(answer)));
  clock_.sleep_until(clock_.now() + delay);
}

HttpAnswer Client::Session::send(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make,
                                 const Progress& progress, unsigned attempts) {
  std::uint64_t stood = progress ? progress() : 0;
  for (unsigned attempt = 1;; ++attempt) {
    HttpAnswer answer = send_once(endpoint, scopes, make);
    if (!worth_retrying(answer)) {
      if (answer.status == 0) refuse_unreachable(endpoint, answer);
      return answer;
    }
    if (progress && progress() > stood && answer.failure != HttpAnswer::Failure::stalled) {
      stood = progress();
      attempt = 1;
    }
    if (attempt == attempts) {
      if (answer.status == 0) refuse_unreachable(endpoint, answer);
      return answer;
    }
    wait(attempt, answer, endpoint.origin.str());
  }
}

/// What a request to the registry itself carries: the answer to a 401, or what such requests are known to need. Nothing
/// where there is no new answer.
std::optional<Authenticator::Offer> Client::Session::authorize(const Endpoint& endpoint, const Scopes& scopes,
                                                               const std::optional<Refusal>& refusal) {
  if (!refusal) return authenticator_.header(endpoint.origin, endpoint.credentials, scopes);
  return authenticator_.answer(endpoint.origin, endpoint.credentials, scopes, refusal->sent,
                               parse_challenges(refusal->challenges));
}

/// Whatever comes of it, who waits for the outcome of a trial hears of it.
HttpAnswer Client::Session::exchange_with(const Authenticator::Offer& offer, const Endpoint& endpoint,
                                          HttpRequest& request, bool verify_tls) {
  request.authorization = offer.header;
  try {
    HttpAnswer answer = exchange(request, verify_tls);
    authenticator_.settle(endpoint.origin, endpoint.credentials, offer, answer.status);
    return answer;
  } catch (...) {
    authenticator_.settle(endpoint.origin, endpoint.credentials, offer, 0);
    throw;
  }
}

HttpAnswer Client::Session::send_once(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make) {
  std::string redirected;
  unsigned redirects = 0;
  unsigned auth_rounds = 0;
  HttpAnswer answer;
  std::optional<Refusal> refusal;  // a 401 that is to be answered
  for (;;) {
    HttpRequest request = make();
    if (!redirected.empty()) request.url = redirected;
    request.url = url_over_tls(request.url, endpoint.origin);
    const auto origin = origin_of(request.url);
    if (!origin)
      refuse(endpoint.origin.str() + " gave a malformed address",
             "the registry, or a proxy before it, is broken; ask another --mirror");
    if (endpoint.origin.scheme == "https" && origin->scheme == "http")
      refuse(fmt::format("{} redirects from TLS to plain HTTP ({})", endpoint.origin.str(), origin->str()),
             "this is not followed; the registry's administrator has to give it an https:// address: where a proxy "
             "ends TLS, it has to send X-Forwarded-Proto, or the registry be told its address (http.host)");
    // Credentials belong to the registry's own origin. Blob stores behind a redirect have signed URLs instead.
    const bool home = *origin == endpoint.origin;
    // After make(): that may send requests of its own, and must not wait for the outcome of a trial that this one
    // makes.
    const auto offer = home ? authorize(endpoint, scopes, refusal) : Authenticator::Offer();
    if (!offer) {
      explain(endpoint, scopes, refusal && !refusal->sent.empty(), answer);
      return answer;
    }
    request.present_certificate = home;
    const bool verify = home ? endpoint.verify_tls() : !options_.insecure_hosts.contains(origin->host);
    answer = exchange_with(*offer, endpoint, request, verify);
    answer.redirected = !home;
    refusal.reset();
    if (home) listen(endpoint, answer);
    if (home && quirks::is_challenge(answer, !offer->header.empty()) && auth_rounds++ < max_auth_rounds) {
      refusal = Refusal{offer->header, answer.headers["www-authenticate"]};
      continue;
    }
    redirected = redirect_target(request, answer, endpoint.origin);
    if (redirected.empty()) {
      explain(endpoint, scopes, !offer->header.empty(), answer);
      return answer;
    }
    if (++redirects > max_redirects)
      refuse(endpoint.origin.str() + " redirects more than 8 times",
             "the registry, or a proxy before it, is not set up right; ask another --mirror");
  }
}

}  // namespace airlock::registry
