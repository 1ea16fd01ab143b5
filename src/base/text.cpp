// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "airlock/base/error.hpp"

namespace airlock {

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f %s" : "%.0f %s", value, units.at(unit));
  return text.data();
}

std::string count_of(std::uint64_t number, std::string_view noun, std::string_view plural) {
  const std::string many = plural.empty() ? std::string(noun) + "s" : std::string(plural);
  return fmt::format("{} {}", number, number == 1 ? std::string(noun) : many);
}

std::string human_duration(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  std::array<char, 48> text{};
  if (ms < 60'000)
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(ms) / 1000);
  else if (ms < 3'600'000)
    std::snprintf(text.data(), text.size(), "%lld min %02lld s", static_cast<long long>(ms / 60'000),
                  static_cast<long long>(ms / 1000 % 60));
  else
    std::snprintf(text.data(), text.size(), "%lld h %02lld min", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60));
  return text.data();
}

std::string human_age(std::chrono::seconds age) {
  constexpr std::chrono::hours day{24};
  return age < 2 * day ? human_duration(age) : fmt::format("{} d", age / day);
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> units{
      {{"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}}};
  constexpr std::uint64_t most = 100ULL * 366 * 86400;
  for (const auto& [unit, seconds] : units) {
    if (!text.ends_with(unit)) continue;
    const auto number = parse_number(text.substr(0, text.size() - unit.size()));
    if (!number || *number == 0 || *number > most / seconds) return std::nullopt;
    return std::chrono::seconds(*number * seconds);
  }
  return std::nullopt;
}

namespace {

/// Length of the UTF-8 sequence at the start of `text`, and its code point; length 0 where it is none (RFC 3629).
std::pair<std::size_t, char32_t> first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || text.size() < length) return {0, 0};
  auto code = static_cast<char32_t>(length == 1 ? lead : lead & (0xFFU >> (length + 1)));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {0, 0};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {0, 0};
  return {length, code};
}

/// Controls of C0 and C1, line and paragraph separators, direction marks, and invisible characters:
/// byte order marks, annotation marks and tags.
bool moves_the_cursor(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || (code >= 0x200E && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE007F);
}

/// As JSON escapes it (RFC 8259, section 7): beyond the basic plane as a surrogate pair.
std::string json_escape(char32_t code) {
  std::array<char, 16> text{};
  const auto unit = static_cast<unsigned>(code);
  if (code < 0x10000)
    std::snprintf(text.data(), text.size(), "\\u%04x", unit);
  else
    std::snprintf(text.data(), text.size(), "\\u%04x\\u%04x", 0xD800U + ((unit - 0x10000U) >> 10U),
                  0xDC00U + ((unit - 0x10000U) & 0x3FFU));
  return text.data();
}

}  // namespace

std::string without_controls(std::string_view text, bool keep_line_feeds) {
  std::string result;
  while (!text.empty()) {
    const auto [length, code] = first_code_point(text);
    const bool kept = length > 0 && (!moves_the_cursor(code) || (keep_line_feeds && code == '\n'));
    result += kept ? text.substr(0, length) : "?";
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string escape_controls(std::string_view json) {
  std::string result;
  result.reserve(json.size());
  while (!json.empty()) {
    const auto [length, code] = first_code_point(json);
    if (code >= 0x7F && moves_the_cursor(code))
      result += json_escape(code);
    else
      result += json.substr(0, std::max<std::size_t>(length, 1));
    json.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string_view clipped(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) --bytes;
  return text.substr(0, bytes);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto [length, code] = first_code_point(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text, std::size_t limit) {
  return without_controls(clipped(text, limit), false) + (text.size() > limit ? "..." : "");
}

std::string shell_word(std::string_view path) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
  const std::string word = (path.starts_with('-') ? "./" : "") + std::string(path);
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != parts.data()) text += separator;
    text += part;
  }
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view white = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool glob_match(std::string_view pattern, std::string_view text) {
  // Greedy with one backtracking point: linear in practice, not exponential.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace {
constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

bool is_plain_name(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 64 && alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t present = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < present ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= present ? base64_alphabet[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t padding = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const char c = text[i + k];
      const auto value = base64_alphabet.find(c);
      if (c == '=' && i + 4 == text.size() && k >= 2) {
        ++padding;
      } else if (padding > 0 || value == std::string_view::npos) {
        return std::nullopt;
      }
      group = group << 6 | (c == '=' ? 0U : static_cast<std::uint32_t>(value));
    }
    if ((padding == 1 && (group & 0xFFU) != 0) || (padding == 2 && (group & 0xFFFFU) != 0)) return std::nullopt;
    for (std::size_t k = 0; k < 3 - padding; ++k) bytes += static_cast<char>(group >> (16 - 8 * k) & 0xFFU);
  }
  return bytes;
}

std::string hex_encode(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Time clock_time() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

Time current_time() {
  const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
  if (fixed == nullptr || *fixed == '\0') return clock_time();
  const auto seconds = parse_number(fixed);
  if (!seconds || *seconds > 253402300799ULL)
    throw Error(ErrorCode::usage, "SOURCE_DATE_EPOCH is not a number of seconds since 1970: " + std::string(fixed))
        .hint("unset it, or set it to a number such as 1700000000");
  return Time(std::chrono::seconds(*seconds));
}

std::string format_time(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::optional<Time> parse_time(std::string_view text) {
  const std::string full(text.size() == 10 ? std::string(text) + "T00:00:00Z" : std::string(text));
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:ddZ";
  if (full.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 'd' ? full[i] < '0' || full[i] > '9' : full[i] != shape[i]) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    return static_cast<unsigned>(*parse_number(std::string_view(full).substr(at, length)));
  };
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(number(0, 4))),
                                         std::chrono::month(number(5, 2)), std::chrono::day(number(8, 2)));
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(number(11, 2)) + std::chrono::minutes(number(14, 2)) +
         std::chrono::seconds(number(17, 2));
}

std::optional<Instant> parse_instant(std::string_view text) {
  constexpr std::size_t seconds_end = 19;
  if (text.size() <= seconds_end) return std::nullopt;
  std::string whole = to_lower(text.substr(0, seconds_end));
  std::replace(whole.begin(), whole.end(), 't', 'T');
  const auto local = parse_time(whole + "Z");
  std::string_view rest = text.substr(seconds_end);
  std::string fraction;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0) return std::nullopt;
    fraction = rest.substr(0, std::min<std::size_t>(digits, 9));
    rest.remove_prefix(digits);
  }
  fraction.resize(9, '0');
  if (!local) return std::nullopt;
  std::chrono::minutes offset{0};
  if (rest != "Z" && rest != "z") {
    const bool shape = rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
    const auto hours = shape ? parse_number(rest.substr(1, 2)) : std::nullopt;
    const auto minutes = shape ? parse_number(rest.substr(4, 2)) : std::nullopt;
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    offset = std::chrono::minutes(static_cast<int>(*hours * 60 + *minutes)) * (rest[0] == '-' ? -1 : 1);
  }
  return Instant{*local - offset, static_cast<std::uint32_t>(*parse_number(fraction))};
}

}  // namespace airlock
