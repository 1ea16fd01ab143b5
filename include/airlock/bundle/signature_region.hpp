// SPDX-License-Identifier: Apache-2.0
// The reserved region: 64 KiB right after SHA256SUMS that hold the signatures and one entry for the rest, so that
// signing later writes only there, whatever the size of the bundle.
#pragma once

#include <string>
#include <vector>

#include "airlock/bundle/medium.hpp"
#include "airlock/trust/signature.hpp"

namespace airlock::bundle {

inline constexpr std::uint64_t region_size = 64U << 10;
inline constexpr std::string_view signature_directory = "signatures/";
inline constexpr std::string_view reserved_entry = "signatures/.reserved";

/// What the entries of a signer start with: `signatures/NAME`. An Error (code `usage`) for a NAME that is not plain.
std::string signature_stem(const std::string& name);

/// Whether an entry of this name may stand in the region, other than the filler.
bool is_signature_entry(std::string_view path);

/// The region's bytes. An Error (code `media`) when the signatures do not fit.
std::string format_region(const std::vector<trust::SignatureFile>& signatures);

/// The first part of a bundle: what is signed, and what has been signed so far. Nothing behind the region is read, so
/// that this takes the same time for a bundle of any size.
struct Head {
  std::string sums;  ///< raw SHA256SUMS
  std::uint64_t sums_offset = 0;
  std::vector<trust::SignatureFile> signatures;
  std::uint64_t region_offset = 0;
  std::uint64_t filler_offset = 0;  ///< of the header of signatures/.reserved
  /// The filler's content is not all zeros: a signing was interrupted before it took effect. It means nothing.
  bool leftovers = false;
};

/// An Error (code `format`) for a bundle that does not begin as airlock writes it.
Head read_head(const ReadableMedium& medium);

/// An Error (code `media`) when these do not fit any more.
void check_room(const Head& head, const std::vector<trust::SignatureFile>& added);

/// Adds entries to the region in place. They take effect with the last write, of the 512 bytes that turn the filler's
/// header into the first new entry's; before it everything else is flushed. So the bundle is valid at any moment, with
/// the earlier signatures or with all new ones, even if the power fails (where a sector is written whole or not at
/// all, as disks do). An Error as check_room() says; nothing is written then.
void append_signatures(SignableMedium& medium, const Head& head, const std::vector<trust::SignatureFile>& added);

}  // namespace airlock::bundle
