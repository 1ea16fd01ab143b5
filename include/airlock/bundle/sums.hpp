// SPDX-License-Identifier: Apache-2.0
// SHA256SUMS: the signed list of a bundle's content, in the form that `sha256sum --strict -c` reads:
//
//   <64 lower-case hexadecimal digits><two spaces><path>\n
//
// sorted bytewise by path, each path once. It lists every entry but itself and those below signatures/.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "airlock/oci/digest.hpp"

namespace airlock::bundle {

inline constexpr std::size_t max_sums_size = 64U << 20;

/// Where the OCI image layout keeps blobs (image-spec, image-layout.md).
inline constexpr std::string_view blob_directory = "blobs/sha256/";

inline std::string blob_name(const oci::Digest& digest) { return std::string(blob_directory) + digest.hex(); }

using Sums = std::map<std::string, oci::Digest>;

std::string format_sums(const Sums& sums);

/// The strict reverse; an Error (code `format`) names the line.
Sums parse_sums(std::string_view text);

}  // namespace airlock::bundle
