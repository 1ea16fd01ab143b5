// SPDX-License-Identifier: Apache-2.0
// Lists as people make them.
#include "airlock/kubeone/image_list.hpp"

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "catch.hpp"

using namespace airlock;
using kubeone::read_image_list;

namespace {

std::string utf16(std::u16string_view text, bool little_endian) {
  std::string bytes = little_endian ? "\xFF\xFE" : "\xFE\xFF";
  for (const char16_t unit : text) {
    const char low = static_cast<char>(unit & 0xFF);
    const char high = static_cast<char>(unit >> 8);
    bytes += little_endian ? low : high;
    bytes += little_endian ? high : low;
  }
  return bytes;
}

}  // namespace

TEST_CASE("comments, empty lines and line ends of a list") {
  const auto list = read_image_list("# all\n\nquay.io/a:1  # one\r\n  quay.io/b:2\n\tquay.io/c:3", "l");
  CHECK(list.images == std::vector<std::string>{"quay.io/a:1", "quay.io/b:2", "quay.io/c:3"});
  CHECK(list.notes.empty());
  CHECK(list.bad.empty());
}

TEST_CASE("a transport before a reference is left off, and that is said") {
  const auto list = read_image_list("quay.io/a:1\ndocker://quay.io/b:2\n", "l");
  CHECK(list.images == std::vector<std::string>{"quay.io/a:1", "quay.io/b:2"});
  CHECK(list.notes == std::vector<std::string>{"l:2: docker:// is left off"});
}

TEST_CASE("all lines that are no references are named, each with its place") {
  const auto list = read_image_list("quay.io/a:1\nquay.io/Bad:1\n- quay.io/d:1\nW0812 10:00 falling back\n", "l");
  CHECK(list.images.size() == 1);
  REQUIRE(list.bad.size() == 3);
  CHECK(list.bad[0].starts_with("l:2: "));
  CHECK(list.bad[1].starts_with("l:3: "));
  CHECK(list.bad[2].starts_with("l:4: "));
}

TEST_CASE("byte-order marks and UTF-16") {
  CHECK(to_utf8("plain", "f") == "plain");
  CHECK(to_utf8("\xEF\xBB\xBFquay.io/a:1\n", "f") == "quay.io/a:1\n");
  const std::u16string_view text = u"a\u00E9\u20AC\U0001F433\n";
  for (const bool little_endian : {true, false})
    CHECK(to_utf8(utf16(text, little_endian), "f") == "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xB3\n");
  CHECK_ERROR(to_utf8("\xFF\xFE"
                      "a",
                      "f"),
              format, "f begins as UTF-16, and is malformed");
  CHECK_ERROR(to_utf8(utf16(std::u16string(1, char16_t{0xD800}), true), "f"), format, "malformed");
  CHECK_ERROR(to_utf8(utf16(std::u16string(1, char16_t{0xDC00}), false), "f"), format, "malformed");
  CHECK_ERROR(to_utf8(utf16(std::u16string{char16_t{0xD800}, u'a'}, true), "f"), format, "malformed");
}
