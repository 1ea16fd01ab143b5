// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/entry_name.hpp"

namespace airlock::bundle {

namespace {

std::variant<oci::Digest, std::string> parse_name(std::string_view name) {
  if (name.starts_with(blob_directory)) {
    const auto hex = name.substr(blob_directory.size());
    if (hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos)
      return oci::Digest::from_hex(hex);
  }
  return std::string(name);
}

}  // namespace

EntryName::EntryName(std::string_view name) : name_(parse_name(name)) {}

std::string EntryName::str() const {
  const oci::Digest* digest = blob();
  return digest != nullptr ? blob_name(*digest) : std::get<std::string>(name_);
}

std::strong_ordering EntryName::operator<=>(const EntryName& other) const {
  if (blob() != nullptr && other.blob() != nullptr) return *blob() <=> *other.blob();
  const auto* text = std::get_if<std::string>(&name_);
  const auto* other_text = std::get_if<std::string>(&other.name_);
  if (text != nullptr && other_text != nullptr) return *text <=> *other_text;
  return str() <=> other.str();
}

}  // namespace airlock::bundle
