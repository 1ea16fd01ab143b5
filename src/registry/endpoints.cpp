// SPDX-License-Identifier: Apache-2.0
// How a registry is found: its mirror, TLS or plain HTTP, and whether a registry answers there at all.
#include <fmt/format.h>

#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

const Endpoint& Client::Session::endpoint(const oci::Registry& registry) {
  EndpointPlace* place = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& known = endpoints_[registry];
    if (!known) known = std::make_unique<EndpointPlace>();
    place = known.get();
  }
  const std::lock_guard lock(place->mutex);
  if (place->endpoint) return *place->endpoint;
  if (place->unreachable) throw Error(*place->unreachable);
  try {
    return place->endpoint.emplace(find_endpoint(registry));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::interrupted) place->unreachable = error;
    throw;
  }
}

std::vector<Reach> Client::Session::ways_to(const std::string& host, const Mirror* mirror) const {
  if (mirror != nullptr && mirror->plain_http) return {Reach::plain_http};
  if (options_.insecure_hosts.contains(to_lower(host)))
    return {Reach::tls_verified, Reach::tls_unverified, Reach::plain_http};
  return {Reach::tls_verified};
}

HttpAnswer Client::Session::try_ways(Endpoint& endpoint, const std::vector<Reach>& ways) {
  HttpAnswer answer;
  std::optional<HttpAnswer> first_failure;  // what is wrong with TLS, not that plain HTTP did not help either
  for (const Reach reach : ways) {
    // Leaving out the verification helps against nothing but a certificate.
    if (reach == Reach::tls_unverified && answer.failure != HttpAnswer::Failure::tls) continue;
    endpoint.reach = reach;
    endpoint.origin.scheme = reach == Reach::plain_http ? "http" : "https";
    HttpRequest request;
    request.url = endpoint.origin.str() + "/v2/";
    request.present_certificate = true;
    answer = perform_following(request, endpoint.verify_tls(), max_first_attempts);
    if (answer.status != 0) return answer;
    if (!first_failure) first_failure = answer;
  }
  refuse_unreachable(endpoint, *first_failure);
}

Endpoint Client::Session::find_endpoint(const oci::Registry& registry) {
  const auto found = options_.mirrors.find(registry);
  const Mirror* mirror = found == options_.mirrors.end() ? nullptr : &found->second;
  const std::string host = mirror != nullptr ? mirror->location.host.str() : registry.str();
  Endpoint endpoint;
  endpoint.name = registry;
  endpoint.origin = {"https", quirks::api_host(host)};
  if (mirror != nullptr) endpoint.prefix = mirror->location.prefix;
  endpoint.credentials = host;

  const HttpAnswer answer = try_ways(endpoint, ways_to(host, mirror));
  // In the form in which all later URLs are compared with it: lower case, without the scheme's own port.
  endpoint.origin = *origin_of(endpoint.origin.str() + "/v2/");
  endpoint.distance = answer.waited;
  if (!quirks::is_registry(answer))
    refuse(fmt::format("{} does not answer as a registry ({}/v2/: {})", host, endpoint.origin.str(), describe(answer)),
           quirks::wants_client_certificate(answer)
               ? std::string(client_certificate_hint)
               : "check the address; the registry API must be at /v2/ of this host and port");
  if (const auto challenges = answer.headers.find("www-authenticate");
      challenges != answer.headers.end() && !answer.redirected)
    authenticator_.learn(endpoint.origin, parse_challenges(challenges->second));
  reporter_.detail(fmt::format("{}: {}, {}, {} ms away", registry.str(), endpoint.origin.str(),
                               to_string(endpoint.reach), endpoint.distance.count() / 1000));
  return endpoint;
}

std::pair<Endpoint, std::string> Client::Session::web_endpoint(const std::string& url) const {
  const auto origin = origin_of(url);
  if (!origin) refuse(url + " is not an http or https URL", "write it as https://HOST/PATH");
  Endpoint endpoint;
  endpoint.name = endpoint.credentials = origin->host;
  endpoint.origin = *origin;
  std::string address = url;
  if (const auto mirror = options_.mirrors.find(origin->host); mirror != options_.mirrors.end()) {
    endpoint.origin = {mirror->second.plain_http ? "http" : "https", mirror->second.location.host.str()};
    endpoint.credentials = mirror->second.location.host.str();
    const auto path = url.find('/', url.find("://") + 3);
    address = endpoint.origin.str();
    if (mirror->second.location.prefix) address += "/" + mirror->second.location.prefix->str();
    if (path != std::string::npos) address += url.substr(path);
    endpoint.origin = *origin_of(address);
  }
  const bool insecure = options_.insecure_hosts.contains(to_lower(endpoint.credentials));
  endpoint.reach = endpoint.origin.scheme == "http" ? Reach::plain_http
                   : insecure                       ? Reach::tls_unverified
                                                    : Reach::tls_verified;
  return {std::move(endpoint), std::move(address)};
}

void Client::Session::refuse_unreachable(const Endpoint& endpoint, const HttpAnswer& answer) const {
  std::string hint = answer.advice.empty() ? "check the address, the network and the proxy settings" : answer.advice;
  if (answer.failure == HttpAnswer::Failure::not_tls)
    hint = options_.side == Side::target
               ? "it speaks plain HTTP: give it TLS, or allow plain HTTP with --insecure"
               : "it speaks plain HTTP: allow it with --mirror HOST=http://HOST:PORT or --insecure HOST";
  if (answer.failure == HttpAnswer::Failure::stalled)
    hint = "check the network; on a line as slow as that, allow longer pauses with --stall-timeout SECONDS";
  const std::string home = endpoint.origin.str();
  refuse(answer.redirected
             ? fmt::format("cannot reach {}, where {} sends for it: {}", answer.asked, home, answer.failure_text)
             : fmt::format("cannot reach {}: {}", home, answer.failure_text),
         hint);
}

}  // namespace airlock::registry
