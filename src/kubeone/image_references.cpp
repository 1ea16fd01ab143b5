// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/image_references.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::size_t max_text = 64U << 20;

/// The line without its comment; `#` starts one at the start of the line or after white space.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) return line.substr(0, i);
  return line;
}

/// The result of an action such as `Registry "quay.io"` or `"quay.io" | Registry`; nothing for any other template.
std::optional<std::string> registry_of(std::string action) {
  std::replace(action.begin(), action.end(), '|', ' ');
  const auto from = action.find('"');
  const auto to = action.rfind('"');
  if (from == to) return std::nullopt;
  if (trim(action.substr(0, from) + action.substr(to + 1)) != "Registry") return std::nullopt;
  return action.substr(from + 1, to - from - 1);
}

/// `{{ Registry "quay.io" }}/x` becomes quay.io/x; nothing if the text contains another template.
std::optional<std::string> resolved(std::string_view text) {
  std::string result;
  for (;;) {
    const auto open = text.find("{{");
    result += text.substr(0, open);
    if (open == std::string_view::npos) return result;
    const auto close = text.find("}}", open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto registry = registry_of(std::string(trim(text.substr(open + 2, close - open - 2))));
    if (!registry) return std::nullopt;
    result += *registry;
    text.remove_prefix(close + 2);
  }
}

/// A value and the length of its text. Quotation marks and separators inside `{{ }}` belong to the template.
struct Value {
  std::string_view text;
  std::size_t end = 0;
};

Value first_value(std::string_view text) {
  const bool quoted = !text.empty() && (text.front() == '"' || text.front() == '\'');
  const std::string_view ends = quoted ? text.substr(0, 1) : std::string_view(",} \t");
  const std::size_t start = quoted ? 1 : 0;
  std::size_t at = start;
  while (at < text.size() && ends.find(text[at]) == std::string_view::npos) {
    if (!text.substr(at).starts_with("{{")) {
      ++at;
      continue;
    }
    const auto close = text.find("}}", at);
    at = close == std::string_view::npos ? text.size() : close + 2;
  }
  return {trim(text.substr(start, at - start)), std::min(at + start, text.size())};
}

/// The value behind a key `image` that begins at `at`; nothing if it is not such a key.
std::optional<Value> value_at(std::string_view line, std::size_t at) {
  constexpr std::string_view key = "image";
  const char before = at == 0 ? ' ' : line[at - 1];
  if (std::string_view(" \t\"'{,").find(before) == std::string_view::npos) return std::nullopt;
  std::size_t next = at + key.size();
  if (before == '"' || before == '\'') {
    if (next >= line.size() || line[next] != before) return std::nullopt;
    ++next;
  }
  const auto skip_white = [&] { next = std::min(line.find_first_not_of(" \t", next), line.size()); };
  skip_white();
  if (next >= line.size() || line[next] != ':') return std::nullopt;
  ++next;
  skip_white();
  Value value = first_value(line.substr(next));
  value.end += next;
  return value;
}

/// The values of keys `image` in a line: `image: X`, `- image: X`, `"image": "X",` and flow mappings `{image: X, ...}`.
/// Linear in the length of the line, whatever the number of keys.
std::vector<std::string_view> values_in(std::string_view line) {
  std::vector<std::string_view> values;
  for (auto at = line.find("image"); at != std::string_view::npos;) {
    const auto value = value_at(line, at);
    if (value) values.push_back(value->text);
    at = line.find("image", value ? std::max(value->end, at + 1) : at + 1);
  }
  return values;
}

}  // namespace

void find_images(std::string_view text, const std::string& where, FoundImages& into) {
  std::size_t number = 0;
  for (const std::string& raw : split(text, '\n')) {
    ++number;
    std::string_view line = raw;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string place = fmt::format("{}:{}", where, number);
    for (const std::string_view value : values_in(without_comment(line))) {
      if (value.empty() || value == "|" || value == ">" || value == "null" || value == "~") continue;
      const auto image = resolved(value);
      if (image)
        into.images.emplace(*image, place);
      else
        into.unresolved.push_back(fmt::format("{}: {}", place, printable(value)));
    }
  }
}

FoundImages find_images_in(const std::filesystem::path& path) {
  FoundImages found;
  if (path == "-" || !std::filesystem::is_directory(path)) {
    find_images(read_text(path, max_text), text_name(path), found);
    return found;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    const auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml" || extension == ".json"))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) find_images(read_text(file, max_text), file.string(), found);
  return found;
}

}  // namespace airlock::kubeone
