// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/platform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

namespace {

bool is_part(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

}  // namespace

std::optional<Platform> Platform::find(std::string_view os, std::string_view architecture, std::string_view variant) {
  if (!is_part(os) || !is_part(architecture) || (!variant.empty() && !is_part(variant))) return std::nullopt;
  return Platform(os, architecture, variant);
}

Platform Platform::unknown() { return {"unknown", "unknown", ""}; }

Platform Platform::parse(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() == 2 || (parts.size() == 3 && !parts[2].empty()))
    if (const auto platform = find(parts[0], parts[1], parts.size() == 3 ? parts[2] : "")) return *platform;
  throw Error(ErrorCode::selection, fmt::format("\"{}\" is not a platform", printable(text)))
      .hint("write it as OS/ARCH[/VARIANT], for example linux/amd64, or use --platform all");
}

std::string Platform::str() const {
  return fmt::format("{}/{}{}", os_, architecture_, variant_.empty() ? "" : "/" + variant_);
}

PlatformSelection PlatformSelection::everything() {
  PlatformSelection selection({});
  selection.all_ = true;
  return selection;
}

PlatformSelection::PlatformSelection(std::vector<Platform> platforms) : platforms_(std::move(platforms)) {
  std::sort(platforms_.begin(), platforms_.end());
  platforms_.erase(std::unique(platforms_.begin(), platforms_.end()), platforms_.end());
}

PlatformSelection PlatformSelection::parse(const std::vector<std::string>& words) {
  if (words.size() == 1 && words.front() == "all") return everything();
  std::vector<Platform> platforms;
  for (const std::string& word : words) {
    if (word == "all")
      throw Error(ErrorCode::selection, "the platform \"all\" cannot be combined with others")
          .hint("give either all or a list of platforms");
    platforms.push_back(Platform::parse(word));
  }
  return PlatformSelection(std::move(platforms));
}

bool PlatformSelection::wants(const Platform& platform) const {
  return all_ || std::any_of(platforms_.begin(), platforms_.end(), [&](const Platform& wanted) {
           return wanted.os() == platform.os() && wanted.architecture() == platform.architecture() &&
                  (wanted.variant().empty() || wanted.variant() == platform.variant());
         });
}

std::vector<std::string> PlatformSelection::words() const {
  if (all_) return {"all"};
  std::vector<std::string> words;
  for (const Platform& platform : platforms_) words.push_back(platform.str());
  return words;
}

}  // namespace airlock::oci
