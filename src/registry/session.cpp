// SPDX-License-Identifier: Apache-2.0
#include "registry/session.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <utility>

#include "airlock/base/interrupt.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"

namespace airlock::registry {

namespace {

constexpr unsigned max_redirects = 8;
constexpr unsigned max_auth_rounds = 2;  // one for the credentials, one for a token that expired meanwhile
constexpr std::chrono::milliseconds first_delay{250};
constexpr std::chrono::milliseconds max_delay{30'000};
constexpr std::chrono::seconds max_retry_after{300};

bool worth_retrying(const HttpAnswer& answer) {
  if (answer.status == 0)
    return answer.failure == HttpAnswer::Failure::transient || answer.failure == HttpAnswer::Failure::handshake;
  return answer.status == 408 || answer.status == 429 || answer.status == 500 || answer.status == 502 ||
         answer.status == 503 || answer.status == 504;
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string describe(const HttpAnswer& answer) {
  if (answer.status == 0) return answer.failure_text;
  const std::string text = error_text(answer.body);
  return "HTTP " + std::to_string(answer.status) + (text.empty() ? "" : ", " + text);
}

void sleep_interruptibly(std::chrono::milliseconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace

std::string error_text(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array() || json["errors"].empty()) return {};
  const Json& first = json["errors"].front();
  if (!first.is_object()) return {};
  const auto text = [&](const char* key) {
    return first.contains(key) && first[key].is_string() ? first[key].get<std::string>() : std::string();
  };
  return printable(text("code") + (text("message").empty() ? "" : ": " + text("message")));
}

Client::Session::Session(ClientOptions options, Reporter& reporter)
    : options_(std::move(options)),
      reporter_(reporter),
      transport_({options_.ca_file, options_.client_certificate, options_.client_key}, options_.user_agent),
      authenticator_(
          options_.credentials,
          [this](const HttpRequest& request) {
            const auto origin = origin_of(request.url);
            const bool verify = !origin || !options_.insecure_hosts.contains(origin->host);
            return perform_with_retries(request, verify, max_attempts);
          },
          options_.side) {
  // Hosts are compared as origins have them: in lower case.
  std::set<std::string> insecure;
  for (const std::string& host : options_.insecure_hosts) insecure.insert(to_lower(host));
  options_.insecure_hosts = std::move(insecure);
}

HttpAnswer Client::Session::perform_with_retries(const HttpRequest& request, bool verify_tls, unsigned attempts) {
  for (unsigned attempt = 1;; ++attempt) {
    HttpAnswer answer = transport_.perform(request, verify_tls);
    if (!worth_retrying(answer) || attempt == attempts) return answer;
    wait(attempt, answer, origin_of(request.url)->str());
  }
}

void Client::Session::refuse(const HttpAnswer& answer, const std::string& action) const {
  Error error(ErrorCode::registry, options_.side, action + ": " + describe(answer));
  if (answer.status == 401) error.hint("check the user name and password: --username, or `auths` in config.json");
  if (answer.status == 403) error.hint("these credentials do not allow it; ask the registry's administrator");
  if (answer.status == 429) error.hint("the registry limits how often it may be asked: use credentials, or a --mirror");
  if (answer.status >= 500) error.hint("the registry fails by itself: see its log, or try again later");
  error.hint("see what the registry's log says of this request");
  throw error;
}

void Client::Session::refuse(const std::string& message, const std::string& hint) const {
  throw Error(ErrorCode::registry, options_.side, message).hint(hint);
}

const Endpoint& Client::Session::endpoint(const std::string& registry) {
  const std::lock_guard lock(endpoints_mutex_);
  const auto known = endpoints_.find(registry);
  if (known != endpoints_.end()) return known->second;
  if (const auto failed = unreachable_.find(registry); failed != unreachable_.end()) throw Error(failed->second);
  try {
    return endpoints_.emplace(registry, find_endpoint(registry)).first->second;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::interrupted) unreachable_.emplace(registry, error);
    throw;
  }
}

Endpoint Client::Session::find_endpoint(const std::string& registry) {
  const auto mirror = options_.mirrors.find(registry);
  const bool mirrored = mirror != options_.mirrors.end();
  std::string host = mirrored ? mirror->second.location.host : registry;
  Endpoint endpoint{{"https", host}, mirrored ? mirror->second.location.prefix : "", host, Reach::tls_verified};
  // The hub's API does not live under the name that its images carry.
  if (host == "docker.io") endpoint.origin.host = "registry-1.docker.io";
  std::vector<Reach> ways{Reach::tls_verified};
  if (options_.insecure_hosts.contains(to_lower(host)))
    ways = {Reach::tls_verified, Reach::tls_unverified, Reach::plain_http};
  if (mirrored && mirror->second.plain_http) ways = {Reach::plain_http};

  HttpAnswer answer;
  std::optional<HttpAnswer> first_failure;  // what is wrong with TLS, not that plain HTTP did not help either
  for (const Reach reach : ways) {
    // Leaving out the verification helps against nothing but a certificate.
    const bool certificate = answer.failure == HttpAnswer::Failure::tls;
    if (reach == Reach::tls_unverified && !certificate) continue;
    endpoint.reach = reach;
    endpoint.origin.scheme = reach == Reach::plain_http ? "http" : "https";
    HttpRequest request;
    request.url = endpoint.origin.str() + "/v2/";
    request.present_certificate = true;
    answer = perform_with_retries(request, endpoint.verify_tls(), max_first_attempts);
    if (answer.status != 0) break;
    if (!first_failure) first_failure = answer;
  }
  if (answer.status == 0) refuse_unreachable(endpoint, *first_failure);
  // In the form in which all later URLs are compared with it: lower case, without the scheme's own port.
  endpoint.origin = *origin_of(endpoint.origin.str() + "/v2/");
  if (!answer.ok() && answer.status != 401 && answer.status != 403)
    refuse(host + " does not answer as a registry (" + endpoint.origin.str() + "/v2/: " + describe(answer) + ")",
           "check the address; the registry API must be at /v2/ of this host and port");
  reporter_.detail(registry + ": " + endpoint.origin.str() + ", " + to_string(endpoint.reach));
  return endpoint;
}

void Client::Session::refuse_unreachable(const Endpoint& endpoint, const HttpAnswer& answer) const {
  std::string hint = "check the address, the network and the proxy settings";
  if (answer.failure == HttpAnswer::Failure::not_tls)
    hint = options_.side == Side::target
               ? "it speaks plain HTTP: give it TLS, or allow plain HTTP with --insecure"
               : "it speaks plain HTTP: allow it with --mirror HOST=http://HOST:PORT or --insecure HOST";
  if (answer.failure == HttpAnswer::Failure::tls)
    hint = "give the authority that signed its certificate with --cacert FILE";
  refuse("cannot reach " + endpoint.origin.str() + ": " + answer.failure_text, hint);
}

void Client::Session::wait(unsigned attempt, const HttpAnswer& answer, const std::string& what) {
  thread_local std::minstd_rand random(std::random_device{}());
  auto delay = std::min(max_delay, first_delay * (1U << (attempt - 1)));
  delay = delay * std::uniform_int_distribution<int>(50, 150)(random) / 100;
  if (const auto seconds = parse_number(answer.header("retry-after")))
    delay = std::max<std::chrono::milliseconds>(
        delay, std::chrono::seconds(std::min<std::uint64_t>(*seconds, max_retry_after.count())));
  reporter_.detail("trying again in " + human_duration(delay) + ": " + what + ": " + describe(answer));
  sleep_interruptibly(delay);
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
    if (progress && progress() > stood) {
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

HttpAnswer Client::Session::send_once(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make) {
  std::string redirected;
  unsigned redirects = 0;
  unsigned auth_rounds = 0;
  for (;;) {
    HttpRequest request = make();
    if (!redirected.empty()) request.url = redirected;
    const auto origin = origin_of(request.url);
    if (!origin)
      refuse(endpoint.origin.str() + " gave a malformed address",
             "the registry, or a proxy before it, is broken; ask another --mirror");
    // Credentials belong to the registry's own origin. Blob stores behind a redirect have signed URLs instead.
    const bool home = *origin == endpoint.origin;
    if (home) request.authorization = authenticator_.header(endpoint.origin, scopes);
    request.present_certificate = home;
    if (endpoint.origin.scheme == "https" && origin->scheme == "http")
      refuse(endpoint.origin.str() + " redirects from TLS to plain HTTP (" + origin->str() + ")",
             "this is not followed; the registry's administrator has to give it an https:// address");
    const bool verify = home ? endpoint.verify_tls() : !options_.insecure_hosts.contains(origin->host);
    HttpAnswer answer = transport_.perform(request, verify);

    if (answer.status == 401 && home && auth_rounds++ < max_auth_rounds &&
        authenticator_.answer(endpoint.origin, endpoint.credentials, scopes, request.authorization,
                              parse_challenges(answer.headers["www-authenticate"])))
      continue;
    const bool readable = request.method == "GET" || request.method == "HEAD";
    if (!is_redirect(answer.status) || !readable || answer.header("location").empty()) return answer;
    if (++redirects > max_redirects)
      refuse(endpoint.origin.str() + " redirects more than 8 times",
             "the registry, or a proxy before it, is not set up right; ask another --mirror");
    redirected = resolve_url(request.url, answer.header("location"));
  }
}

}  // namespace airlock::registry
