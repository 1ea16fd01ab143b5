// SPDX-License-Identifier: Apache-2.0
#include "kubeone/image_text.hpp"

#include <algorithm>
#include <array>

#include "airlock/base/text.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::size_t max_reference = 512;  // with room: names have 255 characters, tags 128, digests 71

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_reference_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("._-/:@").find(c) != std::string_view::npos;
}

/// Words that tags without a number consist of, between dashes.
constexpr std::array tag_words{"latest",     "main",    "master",   "head",     "tip",       "trunk",   "dev",
                               "devel",      "develop", "edge",     "next",     "nightly",   "canary",  "stable",
                               "lts",        "current", "rolling",  "test",     "testing",   "staging", "prod",
                               "production", "release", "snapshot", "alpha",    "beta",      "rc",      "debug",
                               "nonroot",    "slim",    "alpine",   "bookworm", "nanoserver"};

bool is_plausible(const oci::Reference& reference) {
  if (reference.digest) return true;
  const std::string& tag = reference.tag->str();
  if (std::any_of(tag.begin(), tag.end(), is_digit)) return true;
  const auto words = split(tag, '-');
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::find(tag_words.begin(), tag_words.end(), word) != tag_words.end();
  });
}

/// The punctuation of a sentence is not part of it.
std::string_view without_punctuation(std::string_view word) {
  while (!word.empty() && std::string_view(".:-/@").find(word.back()) != std::string_view::npos) word.remove_suffix(1);
  while (!word.empty() && std::string_view(".:-/@").find(word.front()) != std::string_view::npos) word.remove_prefix(1);
  return word;
}

}  // namespace

std::optional<ImageText> read_image_text(std::string_view text) {
  ImageText image;
  text = trim(text);  // `|` keeps a line feed
  if (text.starts_with(transport)) {
    image.transport = true;
    text.remove_prefix(transport.size());
  }
  if (text.empty() || text.size() > max_reference || !std::all_of(text.begin(), text.end(), is_reference_char))
    return std::nullopt;
  const auto reference = oci::Reference::find(text);
  if (!reference) return std::nullopt;
  image.reference = text;
  const auto slash = text.find('/');
  image.path = slash != std::string_view::npos;
  image.host = image.path && oci::names_registry(text.substr(0, slash));
  const std::string_view last = text.substr(text.rfind('/') == std::string_view::npos ? 0 : text.rfind('/') + 1);
  image.version = last.find_first_of(":@") != std::string_view::npos;
  image.plausible = image.version && is_plausible(*reference);
  return image;
}

std::vector<std::string_view> full_references_in(std::string_view text) {
  std::vector<std::string_view> found;
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && !is_reference_char(text[at])) ++at;
    const std::size_t start = at;
    std::size_t slash = 0;
    std::size_t version = 0;
    for (; at < text.size() && is_reference_char(text[at]); ++at) {
      if (text[at] == '/' && slash == 0) slash = at;
      if ((text[at] == ':' || text[at] == '@') && slash != 0) version = at;
    }
    if (slash == 0 || version == 0) continue;
    std::string_view word = text.substr(start, at - start);
    if (word.starts_with(artifact)) word.remove_prefix(artifact.size());
    // An address is none, but for the transport's.
    if (word.find("//") != std::string_view::npos && !word.starts_with(transport)) continue;
    const auto image = read_image_text(without_punctuation(word));
    if (image && image->is_full()) found.push_back(without_punctuation(word));
  }
  return found;
}

std::vector<std::string_view> image_values_in(std::string_view text) {
  constexpr std::string_view key = "image";
  std::vector<std::string_view> values;
  for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + key.size())) {
    const std::string_view before = text.substr(0, at);
    std::string_view rest = text.substr(at + key.size());
    const bool quoted = before.ends_with('"') || before.ends_with('\'');
    const auto start = before.find_last_not_of(" \t-");
    const bool begins_line = start == std::string_view::npos || before[start] == '\n' || before[start] == '{';
    if (!quoted && !begins_line) continue;
    if (rest.starts_with('\\')) rest.remove_prefix(1);  // JSON in a string
    if (quoted && (rest.empty() || rest.front() != before.back())) continue;
    if (quoted) rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (!rest.starts_with(':')) continue;
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\"'\\", 1), rest.size()));
    const std::string_view near = rest.substr(0, max_reference + 1);
    const std::string_view value = near.substr(0, near.find_first_of(" \t\r\n\"'\\,}#"));
    if (!value.empty() && value.size() <= max_reference) values.push_back(value);
  }
  return values;
}

namespace {

/// Without what separates words, and numbers at the end: `X_IMAGE_2` is `ximage`.
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : to_lower(name))
    if (c >= 'a' && c <= 'z') plain += c;
  return plain;
}

}  // namespace

bool speaks_of_image(std::string_view name) {
  // What is said of images, but is none.
  constexpr std::array others{"dir",     "directory", "path",  "label",      "labels", "secret",
                              "secrets", "registry",  "type",  "registries", "policy", "interval",
                              "timeout", "format",    "size",  "prefix",     "suffix", "tag",
                              "version", "threshold", "count", "age"};
  if (name.size() < 3 || name.size() > 256) return false;
  const std::string plain = plain_name(name);
  if (plain.ends_with("img")) return true;
  if (plain.find("image") == std::string::npos || plain.find("imagepull") != std::string::npos) return false;
  if (plain.ends_with("image") || plain.ends_with("images")) return true;
  return std::none_of(others.begin(), others.end(), [&](const char* word) { return plain.ends_with(word); });
}

bool names_image(std::string_view name) {
  const std::string plain = plain_name(name);
  return speaks_of_image(name) && (plain.ends_with("image") || plain.ends_with("images") || plain.ends_with("img"));
}

bool is_at_known_registry(std::string_view reference) {
  constexpr std::array hosts{"docker.io", "quay.io", "ghcr.io", "gcr.io", "nvcr.io", "mcr.microsoft.com", "ecr.aws"};
  constexpr std::array others{".azurecr.io", ".pkg.dev", ".gcr.io", ".amazonaws.com", ".icr.io"};
  constexpr std::array first{"registry.", "docker.", "cr.", "xpkg.", "harbor.", "images."};
  const std::string_view host = reference.substr(0, reference.find_first_of("/:"));
  const auto is_below = [&](std::string_view name) {
    return host == name || (host.ends_with(name) && host[host.size() - name.size() - 1] == '.');
  };
  return std::any_of(hosts.begin(), hosts.end(), is_below) ||
         std::any_of(others.begin(), others.end(), [&](std::string_view name) { return host.ends_with(name); }) ||
         std::any_of(first.begin(), first.end(), [&](std::string_view name) { return host.starts_with(name); });
}

Assignment assignment_of(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return {{}, text};
  const std::string_view name = text.substr(0, equals);
  const bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
  });
  return is_name ? Assignment{name, text.substr(equals + 1)} : Assignment{{}, text};
}

}  // namespace airlock::kubeone
