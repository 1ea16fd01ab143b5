// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/reference.hpp"

#include <algorithm>

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

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(ErrorCode::selection, "\"" + printable(text) + "\" is not an image reference: " + why)
      .hint("write it as registry/repository:tag, for example registry.k8s.io/pause:3.9");
}

/// Whether the first path component names a registry: it has a dot or a port, is localhost, or has upper case
/// (distribution/reference, splitDockerDomain).
bool looks_like_registry(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost" || to_lower(first) != first;
}

}  // namespace

bool is_repository(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  const auto parts = split(text, '/');
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return is_path_component(part); });
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > 128 || !is_word(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_registry(std::string_view text) {
  std::string_view host = text;
  const bool bracketed = text.starts_with('[');
  const auto colon = bracketed ? text.find(':', std::min(text.find(']'), text.size())) : text.find(':');
  if (colon != std::string_view::npos) {
    const auto port = parse_number(text.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return false;
    host = text.substr(0, colon);
  }
  if (host.empty()) return false;
  if (bracketed)
    return host.size() > 2 && host.ends_with(']') &&
           host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  return host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), [](char c) { return (is_word(c) && c != '_') || c == '.' || c == '-'; });
}

Reference Reference::parse(std::string_view text) {
  Reference reference;
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    try {
      reference.digest = Digest::parse(rest.substr(at + 1));
    } catch (const Error& error) {
      refuse(text, error.what());
    }
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos && looks_like_registry(rest.substr(0, slash))) {
    reference.registry = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
  } else {
    reference.registry = "docker.io";
  }
  if (reference.registry == "index.docker.io") reference.registry = "docker.io";
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(reference.tag)) refuse(text, "\"" + reference.tag + "\" is not a tag");
  }
  reference.repository = rest;
  if (reference.registry == "docker.io" && rest.find('/') == std::string_view::npos)
    reference.repository = "library/" + reference.repository;
  if (reference.tag.empty() && !reference.digest) reference.tag = "latest";
  if (!is_registry(reference.registry)) refuse(text, "\"" + reference.registry + "\" is not a registry host");
  if (!is_repository(reference.repository))
    refuse(text, "\"" + std::string(rest) + "\" is not a repository (lower-case letters, digits, . _ - and /)");
  return reference;
}

std::string Reference::str() const {
  return name() + (tag.empty() ? "" : ":" + tag) + (digest ? "@" + digest->str() : "");
}

}  // namespace airlock::oci
