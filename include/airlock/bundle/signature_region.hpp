// SPDX-License-Identifier: Apache-2.0
// The reserved region: 64 KiB right after SHA256SUMS that hold the signatures and a zero-filled entry for the rest, so
// that signing later rewrites only this region, whatever the size of the bundle.
#pragma once

#include <string>
#include <vector>

#include "airlock/trust/policy.hpp"

namespace airlock::bundle {

inline constexpr std::uint64_t region_size = 64U << 10;
inline constexpr std::string_view signature_directory = "signatures/";
inline constexpr std::string_view reserved_entry = "signatures/.reserved";

/// The entry for a raw signature: `signatures/NAME.sig`. An Error (code `usage`) for a NAME that is not plain.
std::string signature_entry_name(const std::string& name);

/// Whether an entry of this name may stand in the region, other than the filler.
bool is_signature_entry(std::string_view path);

/// The region's bytes. An Error (code `trust`) when the signatures do not fit.
std::string format_region(const std::vector<trust::SignatureFile>& signatures);

}  // namespace airlock::bundle
