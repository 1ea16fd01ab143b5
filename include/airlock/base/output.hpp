// SPDX-License-Identifier: Apache-2.0
// The sinks: output to a terminal, a pipe or a log goes through here, and is made safe here.
// Names and texts of others may hold control characters that move the cursor, colour what follows or change the writing
// direction; code that composes a message need not handle that. tests/layering/check.py enforces it for other files.
#pragma once

#include <string_view>

#include "airlock/base/json.hpp"

namespace airlock {

/// Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed, so that no file of the program's own becomes
/// one of them and gets its messages. main() calls it first.
void open_standard_descriptors();

/// A result, to standard output, made safe as without_controls() has it; line feeds stay. An Error (code `media`) where
/// it cannot be written. If its reader has gone (`airlock list | head`), the program ends quietly by SIGPIPE.
void print(std::string_view text);
/// The content of a file of an image: to a terminal made safe, to a file or another program as it is.
void print_content(std::string_view bytes);
/// The same of JSON, which has escapes for what is not safe.
void print_json(const Json& value);

/// A message, to standard error, made safe in the same way, in one write: lines of several processes do not mix. A
/// closed standard error is ignored.
void show(std::string_view text);
/// Cursor movements of airlock's own, then text that is made safe, in one write.
void show_at(std::string_view movements, std::string_view text);
/// One line of JSON.
void show_json(const Json& value);

}  // namespace airlock
