// SPDX-License-Identifier: Apache-2.0
#include "registry/quirks.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"
#include "registry/session.hpp"

namespace airlock::registry::quirks {

namespace {

constexpr const char* hub = "docker.io";
constexpr const char* hub_api = "registry-1.docker.io";

/// Whether the first code of the error body is one of these.
template <std::size_t count>
bool says(const HttpAnswer& answer, const std::array<std::string_view, count>& codes) {
  const std::string reason = error_text(answer.body);
  return std::ranges::any_of(codes, [&](std::string_view code) { return reason.starts_with(code); });
}

/// Whether the body has one of these words, in lower case.
bool mentions(const HttpAnswer& answer, std::initializer_list<std::string_view> words) {
  const std::string text = to_lower(answer.body);
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

/// The number that `100;w=21600` begins with.
std::optional<std::uint64_t> leading_number(const std::string& value) {
  return parse_number(trim(std::string_view(value).substr(0, value.find(';'))));
}

}  // namespace

std::string api_host(const std::string& registry) { return registry == hub ? hub_api : registry; }

std::string registry_of_credentials(const std::string& host) {
  return host == "index.docker.io" || host == hub_api ? hub : host;
}

std::string helper_key(const std::string& registry) {
  return registry == hub ? "https://index.docker.io/v1/" : registry;
}

bool helper_has_nothing(std::string_view output) {
  return to_lower(output).find("credentials not found") != std::string::npos;
}

bool is_registry(const HttpAnswer& ping) { return ping.ok() || ping.status == 401 || ping.status == 403; }

bool is_challenge(const HttpAnswer& answer, bool had_credentials) {
  return answer.status == 401 ||
         (answer.status == 403 && !had_credentials && answer.headers.contains("www-authenticate"));
}

bool wants_client_certificate(const HttpAnswer& answer) {
  const std::string body = to_lower(answer.body);
  return answer.status >= 400 && answer.status < 500 &&
         (body.find("no required ssl certificate was sent") != std::string::npos ||
          body.find("the ssl certificate error") != std::string::npos);
}

bool may_want_client_certificate(const HttpAnswer& answer) {
  const auto values = answer.headers.find("www-authenticate");
  const auto challenges = values == answer.headers.end() ? std::vector<Challenge>() : parse_challenges(values->second);
  return answer.status == 401 && std::ranges::none_of(challenges, [](const Challenge& challenge) {
           return challenge.scheme == "basic" || challenge.scheme == "bearer";
         });
}

bool wants_push_access_to_look(Side side) { return side == Side::target; }

bool may_pass(long status) {
  constexpr std::array<long, 6> permanent{501, 505, 507, 508, 510, 511};
  if (status == 408 || status == 425 || status == 429) return true;
  return status >= 500 && status < 600 && std::ranges::find(permanent, status) == permanent.end();
}

bool may_be_put_again(const HttpAnswer& answer) {
  constexpr std::array<std::string_view, 4> passing{"DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN",
                                                    "MANIFEST_UNKNOWN"};
  return answer.status >= 400 && answer.status < 500 && says(answer, passing);
}

bool lacks_manifest(const HttpAnswer& answer, Side side) {
  return answer.status == 404 || (side == Side::target && answer.status == 403);
}

bool lacks_members(const HttpAnswer& answer, const std::string& media_type) {
  constexpr std::array<std::string_view, 4> about_members{"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN",
                                                          "MANIFEST_INVALID"};
  return oci::media_type::is_index(media_type) && answer.status >= 400 && answer.status < 500 &&
         says(answer, about_members);
}

bool lacks_referrers_api(const HttpAnswer& answer) {
  if (answer.status == 501) return true;
  if (answer.status >= 400 && answer.status < 500) return !may_pass(answer.status);
  if (answer.status != 200) return false;
  const Json list = Json::parse(answer.body, nullptr, false);
  return !list.is_object() || !list.contains("manifests") || list["manifests"].is_null();
}

bool hides_referrers(const HttpAnswer& answer) { return answer.status == 401 || answer.status == 403; }

bool refuses_type(const HttpAnswer& answer) { return answer.status == 415; }

bool refuses_head(const HttpAnswer& answer) {
  return answer.status == 400 || answer.status == 405 || answer.status == 406 || answer.status == 501;
}

bool refuses_range(const HttpAnswer& answer) {
  return answer.status == 400 || answer.status == 403 || answer.status == 405 || answer.status == 416 ||
         answer.status == 501;
}

std::uint64_t acknowledged(std::string_view range) {
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  const auto dash = range.find('-');
  const auto last = dash == std::string_view::npos ? std::nullopt : parse_number(range.substr(dash + 1));
  return last.value_or(0) == 0 ? 0 : *last + 1;
}

bool refuses_whole_uploads(const HttpAnswer& answer) { return answer.status == 405 || answer.status == 501; }

bool refuses_size(const HttpAnswer& answer) { return answer.status == 413; }

bool lost_upload(const HttpAnswer& answer) { return answer.status == 404 || answer.status == 416; }

bool may_hide_absence(const HttpAnswer& answer) { return answer.status == 401 || answer.status == 403; }

bool is_elsewhere(const HttpAnswer& answer) { return answer.status == 416; }

bool refuses_identity_token(const HttpAnswer& answer) { return answer.status == 400 || answer.status == 401; }

bool refuses_name(const HttpAnswer& answer) {
  constexpr std::array<std::string_view, 2> about_names{"NAME_INVALID", "NAME_UNKNOWN"};
  return says(answer, about_names);
}

bool is_over_quota(const HttpAnswer& answer) {
  return answer.status == 507 || (answer.status >= 400 && mentions(answer, {"quota", "configured upper limit"}));
}

bool is_immutable(const HttpAnswer& answer) {
  return answer.status >= 400 && answer.status < 500 && mentions(answer, {"immutable", "cannot be overwritten"});
}

bool clocks_differ(const HttpAnswer& answer) {
  return answer.status == 401 && mentions(answer, {"not valid yet", "not yet valid", "not to be used before"});
}

bool is_read_only(const HttpAnswer& answer) { return answer.status == 405; }

bool deletes_not(const HttpAnswer& answer, bool by_tag) {
  return answer.status == 405 || answer.status == 501 || mentions(answer, {"unsupported"}) ||
         (by_tag && answer.status == 400);
}

std::optional<RateLimit> rate_limit(const HttpAnswer& answer) {
  const auto remaining = leading_number(answer.header("ratelimit-remaining"));
  if (!remaining) return std::nullopt;
  return RateLimit{*remaining, leading_number(answer.header("ratelimit-limit")).value_or(0)};
}

}  // namespace airlock::registry::quirks
