// SPDX-License-Identifier: Apache-2.0
#include "registry/challenge.hpp"

#include <algorithm>
#include <utility>

#include "airlock/base/text.hpp"
#include "registry/header_scanner.hpp"

namespace airlock::registry {

namespace {

constexpr std::string_view blanks = " \t";

/// Credentials in one word with `=` at its end only, as Negotiate has them; nothing is taken where something else
/// follows.
void skip_token68(HeaderScanner& scanner) {
  HeaderScanner ahead = scanner;
  if (ahead.token().empty()) return;
  ahead.skip("=");
  ahead.skip(blanks);
  if (ahead.at_end() || ahead.take(',')) scanner = ahead;
}

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<Challenge> parse_challenges(const std::vector<std::string>& values) {
  std::vector<Challenge> challenges;
  for (const std::string& value : values) {
    const std::size_t before = challenges.size();
    HeaderScanner scanner(value);
    for (scanner.skip(" \t,;"); !scanner.at_end(); scanner.skip(" \t,;")) {
      const std::string word = scanner.token();
      scanner.skip(blanks);
      if (word.empty()) {  // malformed
        scanner.value_up_to(",");
      } else if (!scanner.take('=')) {
        challenges.push_back({to_lower(word), {}});
        skip_token68(scanner);
      } else {
        scanner.skip(blanks);
        std::string text = scanner.value_up_to(" \t,");
        if (challenges.size() > before) challenges.back().parameters.try_emplace(to_lower(word), std::move(text));
      }
    }
  }
  return challenges;
}

namespace {

/// "repository:library/app:pull,push": what it is about, and the actions. A name may hold a port's colon.
struct Scope {
  std::string subject;  // "repository:library/app"
  std::set<std::string> actions;

  explicit Scope(std::string_view text) {
    const auto last = text.rfind(':');
    const bool has_actions = last != std::string_view::npos && text.find(':') != last;
    subject = text.substr(0, has_actions ? last : text.size());
    if (has_actions)
      for (const std::string& action : split(text.substr(last + 1), ',')) actions.insert(action);
  }
};

}  // namespace

std::string repository_of(const Scopes& scopes) {
  std::string found;
  for (const std::string& text : scopes) {
    const Scope scope(text);
    constexpr std::string_view type = "repository:";
    if (!scope.subject.starts_with(type)) continue;
    if (found.empty() || scope.actions.contains("push")) found = scope.subject.substr(type.size());
  }
  return found;
}

Scopes scopes_to_ask(const Scopes& own, std::string_view challenged) {
  std::map<std::string, std::set<std::string>> wanted;
  for (const std::string& word : split(challenged, ' ')) {
    if (word.empty()) continue;
    const Scope scope(word);
    wanted[scope.subject].insert(scope.actions.begin(), scope.actions.end());
  }
  const bool related = std::ranges::any_of(own, [&](const auto& text) { return wanted.contains(Scope(text).subject); });
  if (!wanted.empty() && !related) {
    Scopes theirs;
    for (const std::string& word : split(challenged, ' '))
      if (!word.empty()) theirs.insert(word);
    return theirs;
  }
  for (const std::string& text : own) {
    const Scope scope(text);
    wanted[scope.subject].insert(scope.actions.begin(), scope.actions.end());
  }
  Scopes all;
  for (const auto& [subject, actions] : wanted) {
    all.insert(actions.empty() ? subject : subject + ":" + join({actions.begin(), actions.end()}, ","));
  }
  return all;
}

}  // namespace airlock::registry
