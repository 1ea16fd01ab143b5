// SPDX-License-Identifier: Apache-2.0
// The receipt: what a registry held after an import, with every name and blob read back or queried. It travels back
// over the gap and tells the connected side what the next bundle may leave out (docs/media.md).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/text.hpp"
#include "airlock/oci/digest.hpp"
#include "airlock/oci/location.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::records {

inline constexpr std::string_view receipt_media_type = "application/vnd.airlock.receipt.v1+json";

struct ReceiptImage {
  oci::Reference source;
  oci::Repository repository;  ///< in the registry
  oci::Tag tag;
  oci::Digest digest;  ///< that the registry serves
  oci::Digest upstream_digest;
};

struct ReceiptBlob {
  std::uint64_t size = 0;
  std::set<oci::Repository> repositories;  ///< of the registry that have it, without its host
};

struct Receipt {
  oci::Location registry;
  Time time{};
  oci::Digest bundle;  ///< SHA256SUMS digest
  std::string stream;  ///< a plain name
  std::uint64_t serial = 0;
  std::string policy;                ///< digest of the policy file, or "--key"
  std::vector<std::string> signers;  ///< "alice SHA256:…", as the policy knows them
  std::vector<ReceiptImage> images;  ///< ordered by name
  std::map<oci::Digest, ReceiptBlob> blobs;

  /// The image's name in the registry, with its host.
  std::string name(const ReceiptImage& image) const;

  /// Canonical JSON; this text is signed.
  std::string format() const;
  /// The strict reverse; an Error (code `format`).
  static Receipt parse(std::string_view text, const std::string& where);
};

}  // namespace airlock::records
