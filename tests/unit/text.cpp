// SPDX-License-Identifier: Apache-2.0
// What is shown, printed and typed again.
#include "airlock/base/text.hpp"

#include <nlohmann/json.hpp>

#include "airlock/base/interned.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/secret.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "catch.hpp"

using namespace airlock;

TEST_CASE("text from outside moves no cursor") {
  CHECK(without_controls("plain äöü 日本 \U0001F600", true) == "plain äöü 日本 \U0001F600");
  for (const char* odd : {"\x1b", "\x07", "\r", "\t", "\x7f", "\u0085", "\u009b", "\u061c", "\u200e", "\u202e",
                          "\u2066", "\u2028", "\ufeff", "\ufff9", "\U000e0041", "\xff", "\xc2"})
    CHECK(without_controls("a" + std::string(odd) + "b", true) == "a?b");
  CHECK(without_controls("a\nb", true) == "a\nb");
  CHECK(without_controls("a\nb", false) == "a?b");
}

TEST_CASE("JSON that is printed escapes what a terminal would obey") {
  const Json value{{"name", "\u009b31m\u202e\x7f\x1b\U000e0041é"}};
  const std::string text = json_line(value);
  for (const char* odd : {"\u009b", "\u202e", "\x7f", "\x1b", "\U000e0041"}) CHECK(text.find(odd) == std::string::npos);
  CHECK(text.find("\\u009b31m\\u202e\\u007f\\u001b\\udb40\\udc41é") != std::string::npos);
  CHECK(Json::parse(text) == value);
  CHECK(Json::parse(pretty_json(value)) == value);
  CHECK(json_line({{"x", "\xff"}}).find("\ufffd") != std::string::npos);
}

TEST_CASE("a text is cut between characters") {
  CHECK(clipped("äb", 3) == "äb");
  CHECK(clipped("äb", 2) == "ä");
  CHECK(clipped("äb", 1).empty());
  CHECK(printable("ääää", 3) == "ä...");
}

TEST_CASE("paths as a command line takes them") {
  CHECK(shell_word("/media/usb/k.tar") == "/media/usb/k.tar");
  CHECK(shell_word("-k.tar") == "./-k.tar");
  CHECK(shell_word("my bundle") == "'my bundle'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("a\nb") == "'a\nb'");
  CHECK(shell_word("") == "''");
}

TEST_CASE("secrets are overwritten, and equal by content") {
  std::string text = "hunter2 and more than fits into the object itself";
  const char* place = text.data();
  const std::size_t size = text.size();
  const Secret secret = Secret::take(text);
  CHECK(text.empty());
  CHECK(std::string(place, size).find_first_not_of('\0') == std::string::npos);
  CHECK(secret == Secret("hunter2 and more than fits into the object itself"));
  Secret header("Bearer ");
  header.append("abc");
  CHECK(header.view() == "Bearer abc");
  Json json{{"auth", "c2VjcmV0"}, {"list", {"x", "y"}}};
  wipe(json);
  CHECK(json == Json{{"auth", ""}, {"list", {"", ""}}});
}

TEST_CASE("equal interned texts are one") {
  const std::string text = "application/vnd.oci.image.layer.v1.tar";
  const Interned one(text);
  const Interned other("application/vnd.oci.image.config.v1+json");
  CHECK(one == Interned(std::string_view(text)));
  CHECK(&one.str() == &Interned(text).str());
  CHECK(one != other);
  CHECK(other < one);
  CHECK(Interned().str().empty());
}

TEST_CASE("images in long lines are found in one pass") {
  const auto found_in = [](const std::string& text) { return kubeone::find_images(text, "f"); };
  CHECK(found_in("{image: q.io/a:1, \"image\": \"q.io/b:1\", 'image': 'q.io/c:1'}").images.size() == 3);
  CHECK(found_in("image: \"{{ Registry \"quay.io\" }}/x:1\", other: \"y\"").images.contains("quay.io/x:1"));
  CHECK(found_in("image: {{ .Values.image }}:{{ .Values.tag }}").unresolved.size() == 1);
  CHECK(found_in("image: {{ Registry \"a.io\" }}/x:{{ .tag }}").images.empty());
  // Quadratic work over these took minutes; the test's own time limit would show it.
  for (const char* word : {" image:", " image: {{", " image: {{ Registry \"q\" }}", "{{", " image: \""}) {
    std::string line;
    while (line.size() < (2U << 20)) line += word;
    CHECK_NOTHROW(found_in(line));
  }
}

TEST_CASE("times of others") {
  const auto at = [](const char* text) { return parse_instant(text); };
  CHECK(at("2025-05-01T01:00:00+02:00") == at("2025-04-30T23:00:00Z"));
  CHECK(at("2025-04-30T23:30:00-05:00")->second == *parse_time("2025-05-01T04:30:00Z"));
  CHECK(at("2025-05-01T00:00:00.5Z") > at("2025-05-01T00:00:00Z"));
  CHECK(at("2025-05-01t00:00:00.123456789123z")->nanoseconds == 123456789);
  for (const char* text : {"", "2025-05-01", "2025-05-01T00:00:00", "2025-05-01T00:00:00.Z", "2025-05-01T00:00:00+2:00",
                           "2025-05-01T00:00:00+99:00", "2025-13-01T00:00:00Z", "zzz"})
    CHECK_FALSE(at(text));
}
