// SPDX-License-Identifier: Apache-2.0
// Files beside a bundle that an earlier run of this user left (NAME.partial, NAME.journal). Others may
// have prepared the medium, with links or hard links that lead elsewhere.
#pragma once

#include <filesystem>
#include <optional>

#include "airlock/base/file.hpp"

namespace airlock {

/// Opens it with O_RDWR. Nothing if there is no file of this name. An Error (code `media`) for anything but a regular
/// file of this user with one name: it is not written to, renamed or removed.
std::optional<FileDescriptor> open_own_file(const std::filesystem::path& path);

/// Creates it; does not follow a link, and an existing file is an Error.
FileDescriptor create_own_file(const std::filesystem::path& path);

/// Whether the path still names this open file: an Error (code `media`) if another file took its place.
void check_same_file(const FileDescriptor& fd, const std::filesystem::path& path);

}  // namespace airlock
