// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/image_references.hpp"

#include <algorithm>
#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::size_t max_text = 64U << 20;

/// Without a comment, which starts with `#` at the start or after white space.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) return line.substr(0, i);
  return line;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    return text.substr(1, text.size() - 2);
  return text;
}

/// `{{ Registry "quay.io" }}` and `{{ "quay.io" | Registry }}` give quay.io; nothing for any other template.
std::optional<std::string> resolved(std::string text) {
  for (auto open = text.find("{{"); open != std::string::npos; open = text.find("{{")) {
    const auto close = text.find("}}", open);
    if (close == std::string::npos) return std::nullopt;
    std::string action(trim(std::string_view(text).substr(open + 2, close - open - 2)));
    std::replace(action.begin(), action.end(), '|', ' ');
    const auto from = action.find('"');
    const auto to = action.rfind('"');
    if (from == to) return std::nullopt;
    const std::string registry = action.substr(from + 1, to - from - 1);
    if (trim(action.substr(0, from) + action.substr(to + 1)) != "Registry") return std::nullopt;
    text.replace(open, close + 2 - open, registry);
  }
  return text;
}

/// The values of keys `image` in a line: `image: X`, `- image: X`, `"image": "X",` and flow mappings `{image: X, ...}`.
std::vector<std::string> values_in(std::string_view line) {
  std::vector<std::string> values;
  for (auto at = line.find("image"); at != std::string_view::npos; at = line.find("image", at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    if (before != ' ' && before != '\t' && before != '"' && before != '\'' && before != '{' && before != ',') continue;
    std::string_view rest = line.substr(at + 5);
    if (before == '"' || before == '\'') {
      if (!rest.starts_with(before)) continue;
      rest.remove_prefix(1);
    }
    rest = trim(rest);
    if (!rest.starts_with(':')) continue;
    rest = trim(rest.substr(1));
    if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) {
      const auto end = rest.find(rest.front(), 1);
      // A quote inside a template belongs to it: 'image: "{{ Registry "quay.io" }}/x"'.
      const auto last = rest.find("{{") < end ? rest.rfind(rest.front()) : end;
      rest = rest.substr(0, last == std::string_view::npos ? last : last + 1);
    } else if (rest.find("{{") == std::string_view::npos) {
      rest = rest.substr(0, rest.find_first_of(",} \t"));
    }
    values.emplace_back(unquoted(trim(rest)));
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
    const std::string place = where + ":" + std::to_string(number);
    for (const std::string& value : values_in(without_comment(line))) {
      if (value.empty() || value == "|" || value == ">" || value == "null" || value == "~") continue;
      const auto image = resolved(value);
      if (image)
        into.images.emplace(*image, place);
      else
        into.unresolved.push_back(place + ": " + printable(value));
    }
  }
}

FoundImages find_images_in(const std::filesystem::path& path) {
  FoundImages found;
  if (path == "-") {
    find_images(read_file("/dev/stdin", max_text), "standard input", found);
    return found;
  }
  if (!std::filesystem::is_directory(path)) {
    find_images(read_file(path, max_text), path.string(), found);
    return found;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    const auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml" || extension == ".json"))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) find_images(read_file(file, max_text), file.string(), found);
  return found;
}

}  // namespace airlock::kubeone
