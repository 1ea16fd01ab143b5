// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/name_mapping.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::string_view flatten_word = "flatten:";
constexpr std::size_t most_levels = 16;

[[noreturn]] void refuse_rule(const NameMapping::Rule& rule, const std::string& why) {
  throw Error(ErrorCode::usage, fmt::format("{} {}: {}", rule.where, printable(rule.text), why));
}

/// A host as a part of a repository: no port's colon, no upper case.
std::string host_part(const oci::Registry& registry) {
  std::string part;
  for (const char c : to_lower(registry.str()))
    if (c == ':')
      part += '-';
    else if (c != '[' && c != ']')
      part += c;
  return part;
}

bool begins_with(std::string_view path, std::string_view from) {
  return path.starts_with(from) && (path.size() == from.size() || path[from.size()] == '/');
}

std::string joined(std::string_view left, std::string_view right) {
  return fmt::format("{}{}{}", left, left.empty() || right.empty() ? "" : "/", right);
}

std::string flattened(const std::string& path, std::size_t levels) {
  auto parts = split(path, '/');
  while (parts.size() > levels) {
    parts[parts.size() - 2] += "-" + parts.back();
    parts.pop_back();
  }
  return join(parts, "/");
}

void check_from(const NameMapping::Rule& rule, const std::string& from) {
  const auto slash = from.find('/');
  if (!oci::Registry::find(from.substr(0, slash)) || !oci::names_registry(from.substr(0, slash)))
    refuse_rule(rule, fmt::format("\"{}\" does not begin with a registry's host", printable(from, 80)));
  if (from.substr(0, slash) == "index.docker.io") refuse_rule(rule, "references call this registry docker.io");
  if (slash != std::string::npos && !oci::Repository::find(from.substr(slash + 1)))
    refuse_rule(rule, fmt::format("\"{}\" is no path of a repository", printable(from.substr(slash + 1), 80)));
}

}  // namespace

void NameMapping::add(const Rule& rule) {
  const std::string& text = rule.text;
  const auto equals = text.find('=');
  if (text == "keep-host") {
    keep_host_ = true;
  } else if (text.starts_with(flatten_word)) {
    const auto levels = parse_number(std::string_view(text).substr(flatten_word.size()));
    if (!levels || *levels == 0 || *levels > most_levels)
      refuse_rule(rule, fmt::format("expected is a number of parts, 1 to {}", most_levels));
    if (levels_ != 0 && levels_ != *levels) refuse_rule(rule, "another number was given too");
    levels_ = *levels;
  } else if (equals != std::string::npos) {
    const std::string from = text.substr(0, equals);
    const std::string to = text.substr(equals + 1);
    check_from(rule, from);
    if (!to.empty() && !oci::Repository::find(to))
      refuse_rule(rule, fmt::format("\"{}\" is no path of a repository", printable(to, 80)));
    const auto [other, added] = renamed_.try_emplace(from, to);
    if (!added && other->second != to) refuse_rule(rule, fmt::format("{} gets another name too", from));
  } else {
    refuse_rule(rule, "it is no rule");
  }
}

NameMapping NameMapping::parse(const std::vector<Rule>& rules) {
  NameMapping mapping;
  std::vector<std::string> bad;
  for (const Rule& rule : rules) try {
      mapping.add(rule);
    } catch (const Error& error) {
      bad.emplace_back(error.what());
    }
  if (bad.empty()) return mapping;
  throw Error(ErrorCode::usage, join(bad, "\n"))
      .hint("rules are keep-host, flatten:N, and FROM=TO such as quay.io/cilium=net/cilium");
}

NameMapping NameMapping::parse(const std::vector<std::string>& rules, const std::string& where) {
  std::vector<Rule> placed;
  for (const std::string& rule : rules) placed.push_back({rule, where});
  return parse(placed);
}

std::vector<NameMapping::Rule> NameMapping::rules_in(std::string_view text, const std::string& file) {
  std::vector<Rule> rules;
  std::size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const std::string_view rule = trim(std::string_view(line).substr(0, line.find('#')));
    if (!rule.empty()) rules.push_back({std::string(rule), fmt::format("{}:{}:", file, number)});
  }
  return rules;
}

oci::Repository NameMapping::map(const oci::Registry& registry, const oci::Repository& repository) const {
  const std::string source = fmt::format("{}/{}", registry.str(), repository.str());
  std::string path = keep_host_ ? joined(host_part(registry), repository.str()) : repository.str();
  std::size_t longest = 0;
  for (const auto& [from, to] : renamed_) {
    if (!begins_with(source, from) || from.size() < longest) continue;
    longest = from.size();
    path = joined(to, std::string_view(source).substr(std::min(from.size() + 1, source.size())));
  }
  if (levels_ > 0 && !path.empty()) path = flattened(path, levels_);
  if (auto mapped = oci::Repository::find(path)) return std::move(*mapped);
  throw Error(ErrorCode::selection, path.empty()
                                        ? fmt::format("--map leaves no name for {}", source)
                                        : fmt::format("--map makes {} of {}, which is no repository", path, source))
      .hint("correct the rule");
}

std::optional<std::string> NameMapping::prefix_of(const oci::Registry& source) const {
  if (levels_ > 0) return std::nullopt;
  std::string prefix = keep_host_ ? host_part(source) : "";
  for (const auto& [from, to] : renamed_) {
    if (from == source.str())
      prefix = to;
    else if (begins_with(from, source.str()))
      return std::nullopt;
  }
  return prefix;
}

std::optional<std::map<std::string, std::string>> NameMapping::prefixes_of(const oci::Registry& source) const {
  if (levels_ > 0) return std::nullopt;
  std::map<std::string, std::string> prefixes{{source.str(), keep_host_ ? host_part(source) : ""}};
  for (const auto& [from, to] : renamed_)
    if (begins_with(from, source.str())) prefixes[from] = to;
  return prefixes;
}

std::vector<std::string> NameMapping::rules() const {
  std::vector<std::string> rules;
  if (keep_host_) rules.emplace_back("keep-host");
  if (levels_ > 0) rules.push_back(fmt::format("{}{}", flatten_word, levels_));
  for (const auto& [from, to] : renamed_) rules.push_back(fmt::format("{}={}", from, to));
  return rules;
}

}  // namespace airlock::kubeone
