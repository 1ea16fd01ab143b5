// SPDX-License-Identifier: Apache-2.0
#include "registry/credential_helper.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/process.hpp"
#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"

namespace airlock::registry {

namespace {

constexpr std::size_t max_helper_answer = 1U << 20;

/// The object in what a helper writes: some write a warning before it. Discarded where there is none.
Json answer_in(std::string_view output) {
  for (auto open = output.find('{'); open != std::string_view::npos; open = output.find('{', open + 1)) {
    const auto close = output.rfind('}');
    if (close == std::string_view::npos || close < open) break;
    Json json = Json::parse(output.substr(open, close + 1 - open), nullptr, false);
    if (json.is_object()) return json;
    // Each brace may begin one, but what has many of them is no helper's answer.
    if (open > 64U << 10) break;
  }
  return Json::parse("", nullptr, false);
}

std::string text_of(const Json& answer, const char* key) {
  const auto member = answer.find(key);
  return member != answer.end() && member->is_string() ? member->get<std::string>() : std::string();
}

}  // namespace

FoundCredentials ask_credential_helper(const std::string& name, const std::string& host,
                                       const std::filesystem::path& config) {
  const std::string program = "docker-credential-" + name;
  const auto fails = [&](const std::string& why) {
    FoundCredentials none;
    none.obstacle =
        Error(ErrorCode::usage,
              fmt::format("{} names {} for {}, which {}", config.string(), printable(program, 80), host, why))
            .hint(fmt::format("try it by hand: echo {} | {} get", quirks::helper_key(host), printable(program, 80)));
    return none;
  };
  if (!is_plain_name(name)) return fails("is no name of a program");
  std::optional<ProcessResult> result;
  try {
    result = run_process({program, "get"}, quirks::helper_key(host), max_helper_answer);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    return fails(fmt::format("cannot be run: {}", error.what()));
  }
  if (!result) return fails("is not installed (not found in PATH)");
  const WipedText wiped_text(result->output);
  if (result->status != 0) {
    if (quirks::helper_has_nothing(result->output)) return {};
    return fails(fmt::format("failed with exit status {}: {}", result->status,
                             printable(trim(result->output.substr(0, result->output.find('\n'))))));
  }
  if (trim(result->output).empty()) return {};
  Json answer = answer_in(result->output);
  if (!answer.is_object()) return fails("did not answer with the JSON that the protocol asks for");
  const WipedJson wiped(answer);
  Credentials found;
  found.username = text_of(answer, "Username");
  std::string secret = text_of(answer, "Secret");
  // What the protocol says where the secret is no password.
  if (found.username == "<token>") {
    found.username.clear();
    found.identity_token = Secret::take(secret);
  } else {
    found.password = Secret::take(secret);
  }
  found.source = program;
  FoundCredentials answered;
  if (found.empty()) return found.username.empty() ? answered : fails("gave a user name without a secret");
  answered.credentials = std::move(found);
  return answered;
}

}  // namespace airlock::registry
