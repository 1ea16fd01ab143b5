// SPDX-License-Identifier: Apache-2.0
// Files beside a bundle that an earlier run of this user left (NAME.partial, NAME.journal). The medium is not this
// user's alone: whoever prepared it may have put links there, or files of other names, that lead elsewhere.
#pragma once

#include <filesystem>
#include <optional>

#include "airlock/base/file.hpp"

namespace airlock {

/// Opens it with O_RDWR. Nothing where there is no file of this name. An Error (code `media`) for what is there and is
/// no regular file with this name alone that this user made: it is never written to, renamed or removed.
std::optional<FileDescriptor> open_own_file(const std::filesystem::path& path);

/// Creates it; no link is followed, and what is there already is an Error.
FileDescriptor create_own_file(const std::filesystem::path& path);

/// Whether the path still names this open file: an Error (code `media`) where somebody put another in its place.
void check_same_file(const FileDescriptor& fd, const std::filesystem::path& path);

}  // namespace airlock
