// SPDX-License-Identifier: Apache-2.0
// Text forms of numbers, bytes and times, for people and for file formats.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock {

/// "1.4 GiB", "812 KiB", "17 B": binary units, one decimal below 10.
std::string human_size(std::uint64_t bytes);

/// "3 images", "1 image"; `plural` where an s does not make it: "2 indexes".
std::string count_of(std::uint64_t number, std::string_view noun, std::string_view plural = {});

/// "4.2 s", "3 min 12 s", "1 h 05 min".
std::string human_duration(std::chrono::milliseconds duration);

/// For spans that people count in days: "3 d" from two days up, else as human_duration().
std::string human_age(std::chrono::seconds age);

/// "45d", "12h", "2w", "30min" as seconds; nothing for anything else, zero included.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// Untrusted text made safe for a terminal: control characters become `?`, and it is cut at `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 300);

/// The same of any length: each control character, direction mark and byte that is no UTF-8 becomes `?`.
std::string without_controls(std::string_view text, bool keep_line_feeds);

/// The text of a JSON document with `\\u` escapes in the place of control characters of C1, DEL and direction marks,
/// which JSON's own rules leave as they are.
std::string escape_controls(std::string_view json);

bool is_utf8(std::string_view text);

/// At most `bytes` of the text, without a part of a character at its end.
std::string_view clipped(std::string_view text, std::size_t bytes);

/// A path as a command line takes it: quoted if a shell would split it, and with `./` if it would be taken for an
/// option.
std::string shell_word(std::string_view path);

/// Splits at `separator`; empty parts are kept.
std::vector<std::string> split(std::string_view text, char separator);

/// Joins with `separator` between.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Without white space at both ends.
std::string_view trim(std::string_view text);

/// ASCII lower case, independent of the locale.
std::string to_lower(std::string_view text);

/// Shell-style match with `*` (any run, slashes too) and `?`.
bool glob_match(std::string_view pattern, std::string_view text);

/// Whether `name` may name a stream, a key or a signature: letters, digits, `.`, `_`, `-`; 1 to 64, starting with a
/// letter or digit. Such a name is safe in a path.
bool is_plain_name(std::string_view name);

/// RFC 4648 base64 with padding.
std::string base64_encode(std::string_view bytes);
/// Strict: the standard alphabet, correct padding, no white space; nothing otherwise.
std::optional<std::string> base64_decode(std::string_view text);

/// Lower-case hexadecimal.
std::string hex_encode(std::string_view bytes);

/// A decimal number without sign, white space or overflow.
std::optional<std::uint64_t> parse_number(std::string_view text);

using Time = std::chrono::sys_seconds;

/// Now, by the system's clock; used to judge age and expiry.
Time clock_time();

/// Now as it is written into bundles: clock_time(), or the value of SOURCE_DATE_EPOCH
/// (https://reproducible-builds.org/specs/source-date-epoch/) when it is set.
Time current_time();

/// RFC 3339 in UTC with whole seconds: "2026-11-23T00:35:18Z".
std::string format_time(Time time);

/// Reads what format_time writes, and a plain date as its first second; nothing otherwise.
std::optional<Time> parse_time(std::string_view text);

/// A time of somebody else's.
struct Instant {
  Time second;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Instant&) const = default;
};
/// RFC 3339 with fractions and any offset; of fractions, nine digits count. Nothing otherwise.
std::optional<Instant> parse_instant(std::string_view text);

}  // namespace airlock
