// SPDX-License-Identifier: Apache-2.0
// Text as the programs of users write it: lists and manifests from Notepad and PowerShell begin with a byte-order mark,
// or are UTF-16 (unicode.org, "The Unicode Standard", 3.10 and 23.8).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace airlock {

/// The text in UTF-8, without its byte-order mark. UTF-16 is known by its mark, or by a first character below U+0100.
/// An Error (code `format`) where it is malformed; other bytes are taken as they are. `where` names it.
std::string to_utf8(std::string text, const std::string& where);

/// A file of a user, or standard input (`-`), as to_utf8() has it. One larger than `limit` bytes is an Error.
std::string read_text(const std::filesystem::path& path, std::size_t limit);

/// How messages name it.
std::string text_name(const std::filesystem::path& path);

}  // namespace airlock
