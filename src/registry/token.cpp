// SPDX-License-Identifier: Apache-2.0
#include "registry/token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

namespace {

constexpr std::chrono::seconds min_lifetime{60};  // what the token specification says where nothing, or less, is said
constexpr std::chrono::seconds max_lifetime{24 * 3600};
constexpr std::size_t max_answer = 1U << 20;

/// 300, 300.5 and "300"; nothing for all else.
std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const auto text = value.get<std::string>();
  const auto whole = parse_number(trim(std::string_view(text).substr(0, text.find('.'))));
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::chrono::seconds lifetime_of(const Json& answer) {
  const auto member = answer.find("expires_in");
  const auto number = member == answer.end() ? std::nullopt : number_of(*member);
  if (!number || !std::isfinite(*number)) return min_lifetime;
  const double bounded =
      std::clamp(*number, static_cast<double>(min_lifetime.count()), static_cast<double>(max_lifetime.count()));
  return std::chrono::seconds(static_cast<std::chrono::seconds::rep>(bounded));
}

bool is_sendable(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](unsigned char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

Secret basic_header(const Credentials& credentials) {
  Secret pair(credentials.username + ":");
  pair.append(credentials.password.view());
  std::string encoded = base64_encode(pair.view());
  Secret header("Basic ");
  header.append(encoded);
  wipe(encoded);
  return header;
}

std::optional<std::string> realm_of(const Challenge& challenge, const Origin& registry) {
  std::string realm = url_over_tls(challenge.parameter("realm"), registry);
  const auto origin = origin_of(realm);
  if (!origin || (registry.scheme == "https" && origin->scheme != "https")) return std::nullopt;
  return realm;
}

HttpRequest token_request(const std::string& realm, const std::string& service, const Scopes& scopes,
                          const Credentials* credentials) {
  HttpRequest request;
  request.url = realm;
  request.max_body = max_answer;
  if (credentials != nullptr && !credentials->identity_token.empty()) {
    request.method = "POST";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body_text = "grant_type=refresh_token&client_id=airlock&service=" + url_encode(service) +
                        "&scope=" + url_encode(join({scopes.begin(), scopes.end()}, " ")) +
                        "&refresh_token=" + url_encode(credentials->identity_token.view());
    return request;
  }
  const auto add = [&](const std::string& name, const std::string& value) {
    request.url +=
        fmt::format("{}{}={}", request.url.find('?') == std::string::npos ? '?' : '&', name, url_encode(value));
  };
  if (!service.empty()) add("service", service);
  for (const std::string& scope : scopes) add("scope", scope);
  if (credentials != nullptr) {
    if (!credentials->username.empty()) add("account", credentials->username);
    request.authorization = basic_header(*credentials);
  }
  return request;
}

std::optional<TokenAnswer> read_token(std::string& body) {
  const WipedText wiped_body(body);
  std::string_view text = body;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Json answer = Json::parse(text, nullptr, false);
  const WipedJson wiped(answer);
  if (!answer.is_object()) return std::nullopt;
  for (const char* key : {"token", "access_token"}) {
    const auto member = answer.find(key);
    if (member == answer.end() || !member->is_string()) continue;
    const auto token = trim(member->get_ref<const std::string&>());
    if (!is_sendable(token)) continue;
    Secret header("Bearer ");
    header.append(token);
    return TokenAnswer{std::move(header), lifetime_of(answer)};
  }
  return std::nullopt;
}

std::string describe_token_refusal(const HttpAnswer& answer) {
  const std::string standard = describe(answer);
  if (answer.status == 0 || !error_text(answer.body).empty()) return standard;
  const Json json = Json::parse(answer.body, nullptr, false);
  if (!json.is_object()) return standard;
  for (const char* key : {"error_description", "details", "detail", "message", "error"}) {
    const auto member = json.find(key);
    if (member != json.end() && member->is_string() && !member->get_ref<const std::string&>().empty())
      return fmt::format("HTTP {}, {}", answer.status, printable(member->get_ref<const std::string&>()));
  }
  return standard;
}

}  // namespace airlock::registry
