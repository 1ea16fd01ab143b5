// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
bool is_path_component(std::string_view text) {
  std::size_t i = 0;
  for (;;) {
    const std::size_t start = i;
    while (i < text.size() && is_lower_or_digit(text[i])) ++i;
    if (i == start) return false;
    if (i == text.size()) return true;
    const std::size_t separator = i;
    while (i < text.size() && !is_lower_or_digit(text[i])) ++i;
    const auto run = text.substr(separator, i - separator);
    const bool dashes = run.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && run != "." && run != "_" && run != "__") return false;
  }
}

}  // namespace

bool TagGrammar::holds(std::string_view text) {
  if (text.empty() || text.size() > 128 || !is_word(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool RepositoryGrammar::holds(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  const auto parts = split(text, '/');
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return is_path_component(part); });
}

bool RegistryGrammar::holds(std::string_view text) {
  std::string_view host = text;
  const bool bracketed = text.starts_with('[');
  const auto colon = bracketed ? text.find(':', std::min(text.find(']'), text.size())) : text.find(':');
  if (colon != std::string_view::npos) {
    const auto port = parse_number(text.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return false;
    host = text.substr(0, colon);
  }
  if (host.empty() || host.size() > 255) return false;
  if (bracketed)
    return host.size() > 2 && host.ends_with(']') &&
           host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  return host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), [](char c) { return (is_word(c) && c != '_') || c == '.' || c == '-'; });
}

template <typename Grammar>
void Name<Grammar>::refuse(std::string_view text) {
  throw Error(ErrorCode::format, fmt::format("\"{}\" is not {}", printable(text, 300), Grammar::noun));
}

template class Name<TagGrammar>;
template class Name<RepositoryGrammar>;
template class Name<RegistryGrammar>;

Repository below(const std::optional<Repository>& prefix, const Repository& name) {
  if (!prefix) return name;
  const std::string path = fmt::format("{}/{}", prefix->str(), name.str());
  if (const auto repository = Repository::find(path)) return *repository;
  throw Error(ErrorCode::usage, path + " is longer than the 255 characters that a repository may have")
      .hint("choose a shorter prefix");
}

std::string ManifestId::str() const {
  const Digest* by_digest = digest();
  return by_digest != nullptr ? by_digest->str() : std::get<Tag>(id_).str();
}

Tag referrers_tag(const Digest& subject) { return Tag::parse("sha256-" + subject.hex()); }

Tag cosign_tag(const Digest& subject, std::string_view suffix) { return Tag::parse(referrers_tag(subject) + suffix); }

std::optional<Digest> cosign_subject(const Tag& tag) {
  constexpr std::string_view start = "sha256-";
  const std::string& text = tag;
  for (const std::string_view suffix : cosign_suffixes) {
    if (!text.starts_with(start) || !text.ends_with(suffix)) continue;
    try {
      return Digest::from_hex(std::string_view(text).substr(start.size(), text.size() - start.size() - suffix.size()));
    } catch (const Error&) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace airlock::oci
