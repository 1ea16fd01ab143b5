// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/encoding.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"

namespace airlock {

namespace {

void append_utf8(std::string& text, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      byte(0xE0 | (code >> 12));
    } else {
      byte(0xF0 | (code >> 18));
      byte(0x80 | ((code >> 12) & 0x3F));
    }
    byte(0x80 | ((code >> 6) & 0x3F));
  }
  byte(0x80 | (code & 0x3F));
}

/// Units of two bytes; a pair of surrogates is one character.
class Utf16 {
 public:
  Utf16(std::string_view bytes, bool little_endian) : bytes_(bytes), little_endian_(little_endian) {}

  /// The next character, nothing where there is none.
  std::optional<std::uint32_t> next() {
    const auto unit = take();
    if (!unit || *unit < 0xD800 || *unit > 0xDBFF) return unit && *unit >= 0xDC00 && *unit <= 0xDFFF ? fail() : unit;
    const auto low = take();
    if (!low || *low < 0xDC00 || *low > 0xDFFF) return fail();
    return 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
  }
  bool failed() const { return failed_ || !bytes_.empty(); }

 private:
  std::optional<std::uint32_t> take() {
    if (bytes_.size() < 2) return std::nullopt;
    const auto first = static_cast<unsigned char>(bytes_[0]);
    const auto second = static_cast<unsigned char>(bytes_[1]);
    bytes_.remove_prefix(2);
    return little_endian_ ? std::uint32_t{first} | std::uint32_t{second} << 8
                          : std::uint32_t{first} << 8 | std::uint32_t{second};
  }
  std::optional<std::uint32_t> fail() {
    failed_ = true;
    return std::nullopt;
  }

  std::string_view bytes_;
  bool little_endian_;
  bool failed_ = false;
};

}  // namespace

std::string to_utf8(std::string text, const std::string& where) {
  if (text.starts_with("\xEF\xBB\xBF")) return text.substr(3);
  const bool marked = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  // Without a mark, the first character tells (YAML 1.2.2, 5.2): text has no zero bytes in any other encoding.
  const bool zeros = text.size() >= 2 && (text[0] == '\0') != (text[1] == '\0');
  if (!marked && !zeros) return text;
  const bool little_endian = marked ? text.starts_with("\xFF\xFE") : text[1] == '\0';
  Utf16 units(std::string_view(text).substr(marked ? 2 : 0), little_endian);
  std::string decoded;
  decoded.reserve(text.size() / 2);
  for (auto code = units.next(); code; code = units.next()) append_utf8(decoded, *code);
  if (units.failed())
    throw Error(ErrorCode::format, fmt::format("{} begins as UTF-16, and is malformed", where))
        .hint("save it as UTF-8");
  return decoded;
}

std::string text_name(const std::filesystem::path& path) { return path == "-" ? "standard input" : path.string(); }

std::string read_text(const std::filesystem::path& path, std::size_t limit) {
  return to_utf8(read_file(path == "-" ? "/dev/stdin" : path, limit), text_name(path));
}

}  // namespace airlock
