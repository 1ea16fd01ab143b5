// SPDX-License-Identifier: Apache-2.0
// Volumes: the one stream of bytes of a bundle in several files NAME.001, NAME.002, …, all of the same size but the
// last. `cat NAME.*` gives the bundle. They carry no trust and no headers of their own: what is wrong with one is found
// by its size, by the headers and digests of what lies in it, and named with the volume.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::bundle {

inline constexpr unsigned max_volumes = 999;  // three digits, so that a shell's NAME.* has them in order

/// Where volumes lie, or are to be written: the directory of the bundle's name comes first.
struct VolumePlaces {
  std::vector<std::filesystem::path> directories;
  /// Asks a person for one more directory; `why` says for what. Nothing: there is none. Not set: nobody to ask.
  std::function<std::optional<std::filesystem::path>(const std::string& why)> ask;
};

/// How a new bundle is cut.
struct VolumeOptions {
  std::uint64_t size = 0;  ///< bytes, a multiple of 512; 0: one file
  VolumePlaces places;
};

/// `4GiB`, `650MB`, `700M` (binary), `fat32` (4 GiB - 1), rounded down to whole sectors of 512 bytes, so that signing
/// in place stays one sector. At least 64 KiB. An Error (code `usage`).
std::uint64_t parse_volume_size(std::string_view text);

/// `NAME.007`
std::filesystem::path volume_path(const std::filesystem::path& name, unsigned number);

/// The volumes of a name, in order, up to the first that is shorter than those before it; empty where there is no
/// NAME.001. `given` may be that of the first volume too. An
/// Error (code `media`) names one that is missing in between, (code `format`) one whose size cannot be.
std::vector<std::filesystem::path> find_volumes(const std::filesystem::path& given, const VolumePlaces& places);

/// What becomes of files that an earlier run left which did not get to its end.
enum class Leftovers { discard, use };

/// The name that a file of a bundle has until all of it is there: NAME.partial.
std::filesystem::path partial_path(const std::filesystem::path& file);

/// All partial files of this name, of a single file or of volumes however they are cut.
std::vector<std::filesystem::path> find_partials(const std::filesystem::path& name, const VolumePlaces& places);

/// Where to write the volumes of a bundle of `total` bytes: each directory takes as many as it has room for. With
/// Leftovers::use, a volume of an earlier run stays where it is, and takes no room; with Leftovers::discard, the space
/// of partial files counts as free. An Error (code `media`) when they do not fit, or are more than max_volumes.
std::vector<std::filesystem::path> place_volumes(const std::filesystem::path& name, std::uint64_t total,
                                                 const VolumeOptions& options,
                                                 Leftovers leftovers = Leftovers::discard);

}  // namespace airlock::bundle
