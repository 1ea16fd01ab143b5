// SPDX-License-Identifier: Apache-2.0
// Names of a bundle's entries. Nearly all are blobs, hundreds of thousands of them, whose names follow from their
// digests: those are kept as digests.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <variant>

#include "airlock/oci/digest.hpp"

namespace airlock::bundle {

/// Where the OCI image layout keeps blobs (image-spec, image-layout.md).
inline constexpr std::string_view blob_directory = "blobs/sha256/";

inline std::string blob_name(const oci::Digest& digest) { return std::string(blob_directory) + digest.hex(); }

class EntryName {
 public:
  EntryName(std::string_view name);  // NOLINT(google-explicit-constructor): a text
  EntryName(const std::string& name) : EntryName(std::string_view(name)) {}  // NOLINT(google-explicit-constructor)
  EntryName(const char* name) : EntryName(std::string_view(name)) {}         // NOLINT(google-explicit-constructor)
  EntryName(const oci::Digest& blob) : name_(blob) {}                        // NOLINT(google-explicit-constructor)

  /// Null for what is not named as a blob is.
  const oci::Digest* blob() const { return std::get_if<oci::Digest>(&name_); }
  std::string str() const;

  bool operator==(const EntryName&) const = default;
  /// Bytewise, by the text.
  std::strong_ordering operator<=>(const EntryName& other) const;

 private:
  std::variant<oci::Digest, std::string> name_;
};

}  // namespace airlock::bundle
