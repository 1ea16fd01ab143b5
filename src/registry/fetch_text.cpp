// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/fetch_text.hpp"

#include <chrono>
#include <thread>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "registry/http.hpp"

namespace airlock::registry {

namespace {

constexpr unsigned attempts = 4;
constexpr unsigned max_redirects = 5;

[[noreturn]] void refuse(const std::string& url, const std::string& why) {
  throw Error(ErrorCode::registry, Side::source, "cannot get " + url + ": " + why)
      .hint("check the URL and this machine's way to it (https_proxy, --cacert)");
}

HttpAnswer get(HttpTransport& transport, const std::string& url, Reporter& reporter) {
  for (unsigned attempt = 1;; ++attempt) {
    HttpRequest request;
    request.url = url;
    HttpAnswer answer = transport.perform(request, true);
    const bool transient = answer.status == 0 ? answer.failure == HttpAnswer::Failure::transient ||
                                                    answer.failure == HttpAnswer::Failure::handshake
                                              : answer.status >= 500 || answer.status == 429;
    if (!transient || attempt == attempts) return answer;
    reporter.detail(url + ": " + (answer.status == 0 ? answer.failure_text : std::to_string(answer.status)) +
                    ", trying again");
    std::this_thread::sleep_for(std::chrono::milliseconds(250) * (1U << attempt));
    throw_if_interrupted();
  }
}

}  // namespace

std::optional<std::string> fetch_text(const std::string& url, const ClientOptions& options, Reporter& reporter) {
  HttpTransport transport({options.ca_file, {}, {}}, options.user_agent);
  std::string current = url;
  for (unsigned redirects = 0; redirects <= max_redirects; ++redirects) {
    const auto origin = origin_of(current);
    if (!origin) refuse(url, "not an http or https URL");
    HttpAnswer answer = get(transport, current, reporter);
    if (answer.status == 0) refuse(current, answer.failure_text);
    if (answer.ok()) return std::move(answer.body);
    if (answer.status == 404) return std::nullopt;
    if (answer.status < 300 || answer.status > 399 || answer.header("location").empty())
      refuse(current, "status " + std::to_string(answer.status));
    const std::string next = resolve_url(current, answer.header("location"));
    const auto target = origin_of(next);
    if (!target || (origin->scheme == "https" && target->scheme != "https"))
      refuse(current, "redirected away from https");
    current = next;
  }
  refuse(url, "redirected more than " + std::to_string(max_redirects) + " times");
}

}  // namespace airlock::registry
