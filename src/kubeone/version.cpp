// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/version.hpp"

#include <fmt/format.h>

#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

std::optional<unsigned> small_number(std::string_view text) {
  const auto number = parse_number(text);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (!number || *number > 9999 || padded) return std::nullopt;
  return static_cast<unsigned>(*number);
}

}  // namespace

std::optional<Minor> Minor::parse(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto parts = split(text, '.');
  if (parts.size() != 2) return std::nullopt;
  const auto major = small_number(parts[0]);
  const auto minor = small_number(parts[1]);
  if (!major || !minor) return std::nullopt;
  return Minor{*major, *minor};
}

std::string Minor::str() const { return fmt::format("{}.{}", major, minor); }

std::optional<Version> Version::parse(std::string_view text) {
  const auto dash = text.find('-');
  const std::string_view pre_release = dash == std::string_view::npos ? "" : text.substr(dash + 1);
  // As Kubernetes names them: alpha.1, beta.0, rc.1.
  if (dash != std::string_view::npos) {
    const auto parts = split(pre_release, '.');
    const bool word = parts.size() == 2 && (parts[0] == "alpha" || parts[0] == "beta" || parts[0] == "rc");
    if (!word || !small_number(parts[1])) return std::nullopt;
  }
  text = text.substr(0, dash);
  const auto dot = text.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto line = Minor::parse(text.substr(0, dot));
  const auto patch = small_number(text.substr(dot + 1));
  if (!line || !patch) return std::nullopt;
  return Version{*line, *patch, std::string(pre_release)};
}

std::string Version::str() const {
  return fmt::format("v{}.{}{}", line.str(), patch, pre_release.empty() ? "" : "-" + pre_release);
}

std::strong_ordering Version::operator<=>(const Version& other) const {
  if (const auto order = line <=> other.line; order != 0) return order;
  if (const auto order = patch <=> other.patch; order != 0) return order;
  if (pre_release.empty() || other.pre_release.empty()) return pre_release.empty() <=> other.pre_release.empty();
  const auto word = [](const std::string& text) { return text.substr(0, text.find('.')); };
  if (const auto order = word(pre_release) <=> word(other.pre_release); order != 0) return order;
  const auto number = [](const std::string& text) { return parse_number(text.substr(text.find('.') + 1)).value_or(0); };
  return number(pre_release) <=> number(other.pre_release);
}

std::string MinorRange::str() const {
  if (!min && !max) return "any";
  if (!min) return "up to " + max->str();
  if (!max) return min->str() + " and later";
  return fmt::format("{} to {}", min->str(), max->str());
}

}  // namespace airlock::kubeone
