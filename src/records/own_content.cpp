// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/own_content.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::records {

namespace {

constexpr std::string_view made_here = "airlock.internal";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// A repository's part for a name that may have other characters: two names may give the same, but not with the same
/// digits behind them.
std::string repository_part(std::string_view name) {
  std::string part;
  for (const char c : to_lower(name)) {
    const bool plain = is_letter_or_digit(c);
    if (plain || (!part.empty() && part.back() != '-')) part += plain ? c : '-';
  }
  while (part.ends_with('-')) part.pop_back();
  return part;
}

}  // namespace

bool is_in_group(const Image& image, std::string_view group) {
  return std::find(image.groups.begin(), image.groups.end(), group) != image.groups.end();
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter_or_digit(c) || std::string_view("._-+~").find(c) != std::string_view::npos;
         });
}

oci::Reference file_reference(std::string_view name, const oci::Digest& content) {
  return {oci::Registry::parse(made_here), oci::Repository::parse("files/" + repository_part(name)),
          oci::Tag::parse(content.short_hex()), std::nullopt};
}

bool is_made_here(const oci::Reference& source) { return source.registry == made_here; }

std::optional<CarriedFile> carried_file(const Image& image, std::string_view manifest) {
  if (!is_file(image) && !is_chart(image)) return std::nullopt;
  const oci::Document document = oci::parse_document(manifest, image.descriptor.media_type);
  const oci::Manifest* content = document.manifest();
  if (content == nullptr) return std::nullopt;
  for (const oci::Descriptor& layer : content->layers) {
    const auto title = layer.annotations.find(title_annotation);
    if (is_file(image) && layer.media_type == file_layer_type && title != layer.annotations.end() &&
        is_file_name(title->second))
      return CarriedFile{title->second, layer};
    if (is_chart(image) && layer.media_type == chart_layer_type && image.source.tag) {
      const std::string& path = image.source.repository;
      return CarriedFile{fmt::format("{}-{}.tgz", path.substr(path.rfind('/') + 1), image.source.tag->str()), layer};
    }
  }
  return std::nullopt;
}

}  // namespace airlock::records
