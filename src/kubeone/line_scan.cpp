// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/text.hpp"
#include "kubeone/image_text.hpp"
#include "kubeone/manifest_walk.hpp"

namespace airlock::kubeone {

namespace {

/// What follows `image:` in a line, without quotes and comma.
std::string_view value_after_key(std::string_view line) {
  line = trim(line);
  constexpr std::string_view key = "image";
  for (auto at = line.find(key); at != std::string_view::npos; at = line.find(key, at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    std::string_view rest = line.substr(at + key.size());
    if (std::string_view(" \t\"'{,-").find(before) == std::string_view::npos) continue;
    if (!rest.empty() && rest.front() == before) rest.remove_prefix(1);
    rest = trim(rest);
    if (!rest.starts_with(':')) continue;
    rest = trim(rest.substr(1));
    const auto end = rest.find_first_of(" \t,}#", rest.starts_with('"') || rest.starts_with('\'') ? 1 : 0);
    rest = rest.substr(0, end);
    while (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) rest.remove_prefix(1);
    while (!rest.empty() && (rest.back() == '"' || rest.back() == '\'')) rest.remove_suffix(1);
    return rest;
  }
  return {};
}

bool is_comment_line(std::string_view line) { return trim(line).starts_with('#'); }

}  // namespace

void scan_lines(std::string_view text, const std::string& where, std::size_t first_line, const TemplateText& masked,
                FoundImages& into) {
  std::size_t number = first_line;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (is_comment_line(line)) continue;
    const std::string place = fmt::format("{}:{}", where, number);
    const std::string_view value = value_after_key(line);
    const auto image = read_image_text(value);
    if (TemplateText::is_marked(value) || (!image && value.find_first_of("$%<") != std::string_view::npos))
      into.unresolved.push_back(fmt::format("{}: {}", place, printable(masked.original(value))));
    else if (image && image->path && (image->host || image->version))
      into.images.emplace(image->reference, place);
    else if (image && value != "true" && value != "false" && value != "null")
      into.suspects.push_back({image->reference, place, "a bare word", true});
    else if (!image && !value.empty() && value.find("://") == std::string_view::npos)
      into.suspects.push_back({printable(value, 200), place, "is no image reference", false});
    for (const std::string_view reference : full_references_in(line))
      into.suspects.push_back({read_image_text(reference)->reference, place, "in a text", true});
  }
}

}  // namespace airlock::kubeone
