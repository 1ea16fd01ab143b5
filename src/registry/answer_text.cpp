// SPDX-License-Identifier: Apache-2.0
#include "registry/answer_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"
#include "registry/redirect.hpp"

namespace airlock::registry {

namespace {

/// What stands between <name> and its end; empty where it is not there.
std::string_view element(std::string_view markup, std::string_view name) {
  const auto open = markup.find(fmt::format("<{}>", name));
  if (open == std::string_view::npos) return {};
  const auto start = open + name.size() + 2;
  const auto end = markup.find("</", start);
  return end == std::string_view::npos ? std::string_view() : trim(markup.substr(start, end - start));
}

/// The first line of a body that people can read. Of a page, which is some proxy's, the title; of an object store's
/// error (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) the message.
std::string readable_line(const HttpAnswer& answer) {
  const auto body = trim(answer.body);
  if (body.empty() || body.front() == '{') return {};
  if (body.front() == '<') {
    for (const auto* name : {"Message", "title"})
      if (const auto text = element(body, name); !text.empty()) return printable(text, 200);
    return {};
  }
  return printable(body.substr(0, body.find('\n')), 200);
}

/// What an error's `detail` adds: the registry's own words on which part it means. Long ones are for programs.
std::string detail_of(const Json& error) {
  constexpr std::size_t longest = 160;
  const auto detail = error.find("detail");
  if (detail == error.end() || detail->is_null() || detail->empty()) return {};
  std::string text = detail->is_string() ? detail->get<std::string>() : json_line(*detail);
  return text.size() > longest ? std::string() : text;
}

}  // namespace

std::string describe(const HttpAnswer& answer) {
  if (answer.status == 0) return answer.failure_text;
  std::string text = error_text(answer.body);
  if (text.empty()) text = readable_line(answer);
  std::string status = fmt::format("HTTP {}", answer.status);
  if (const std::string location = answer.header("location"); is_redirect(answer.status) && !location.empty())
    // Without the query, which may hold a signature.
    status += " to " + printable(location.substr(0, location.find('?')), 200);
  if (answer.redirected) status += " from " + answer.asked;
  return text.empty() ? status : fmt::format("{}, {}", status, text);
}

std::string error_text(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array() || json["errors"].empty()) return {};
  const Json& first = json["errors"].front();
  if (!first.is_object()) return {};
  const auto text = [&](const char* key) {
    return first.contains(key) && first[key].is_string() ? first[key].get<std::string>() : std::string();
  };
  std::string all = text("code") + (text("message").empty() ? "" : ": " + text("message"));
  if (const std::string detail = detail_of(first); !detail.empty()) all += fmt::format(" ({})", detail);
  return printable(all);
}

std::string advice_for(const HttpAnswer& answer, Side side) {
  // What the other side says of the cause comes before what its status may mean.
  if (quirks::is_over_quota(answer))
    return "the quota or the storage of this registry is used up: have it raised, or delete what is not needed there";
  if (quirks::is_immutable(answer))
    return "the registry does not let this tag be replaced: have its rule changed, or import below another PREFIX";
  if (quirks::clocks_differ(answer))
    return "a token counted from another time: set the clocks of the registry, its token server and this machine";
  if (quirks::wants_client_certificate(answer)) return std::string(client_certificate_hint);
  if (answer.status == 401) return "check the user name and password: --username, or `auths` in config.json";
  if (side == Side::target && quirks::refuses_name(answer))
    return "some registries limit how deep repository paths are, or want their first part (a project) to be made "
           "before: "
           "choose another PREFIX";
  if (answer.status == 403) return "these credentials do not allow it; ask the registry's administrator";
  if (quirks::is_read_only(answer)) return "the registry may be read-only for maintenance: ask its administrator";
  if (answer.status == 429)
    return fmt::format("the registry limits how often it may be asked{}: use credentials, or a --mirror",
                       answer.retry_after ? ", and says to come back in " + human_duration(*answer.retry_after) : "");
  if (answer.status >= 500) return "the registry fails by itself: see its log, or try again later";
  return "see what the registry's log says of this request";
}

}  // namespace airlock::registry
