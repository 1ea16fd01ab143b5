// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;

TEST_CASE("an error says side, frames and message, outermost first") {
  const auto error = Error(ErrorCode::registry, Side::source, "no route").within("blob").within("image a").hint("mend");
  CHECK(std::string(error.what()) == "source registry: image a: blob: no route");
  CHECK(error.hint() == "mend");
  CHECK(static_cast<int>(error.code()) == 4);
}

TEST_CASE("the closest hint wins") {
  Error error(ErrorCode::usage, "x");
  error.hint("near");
  error.hint("far");
  CHECK(error.hint() == "near");
}

TEST_CASE("strict JSON") {
  CHECK(parse_json(R"({"a":[1,{"b":null}]})", "t").at("a").size() == 2);
  CHECK_ERROR(parse_json(R"({"a":1,"a":2})", "t"), format, "\"a\" appears twice");
  CHECK_ERROR(parse_json(R"({"x":{"a":1,"a":2}})", "t"), format, "appears twice");
  CHECK_ERROR(parse_json(R"({"a":1} )"
                         "x",
                         "t"),
              format, "not valid JSON");
  CHECK_ERROR(parse_json("", "t"), format, "not valid JSON");
  CHECK_ERROR(parse_json("\xEF\xBB\xBF{}", "t"), format, "byte order mark");
  CHECK_ERROR(parse_json("\"\xFF\"", "t"), format, "not valid JSON");
  CHECK_ERROR(parse_json(std::string(100'000, '['), "t"), format, "nested deeper than 64");
  CHECK_ERROR(parse_json("[1,2,3]", "t", {4, 8}), format, "more than the 4 allowed");
  CHECK_NOTHROW(parse_json(std::string(64, '[') + std::string(64, ']'), "t"));
}

TEST_CASE("typed access to JSON objects names the place") {
  const Json json =
      parse_json(R"({"s":"x","n":5,"neg":-1,"f":1.5,"big":9007199254740992,"o":{"k":[]},"l":["a",1]})", "t");
  const JsonObject object(json, "t");
  CHECK(object.string("s") == "x");
  CHECK(object.integer("n") == 5);
  CHECK_ERROR(object.string("n"), format, "t: n: not a string");
  CHECK_ERROR(object.string("none"), format, "\"none\" is missing");
  for (const char* key : {"neg", "f", "big"}) CHECK_ERROR(object.integer(key), format, "not an integer");
  CHECK_ERROR(object.object("s"), format, "not a JSON object");
  CHECK_ERROR(object.strings("l"), format, "not a string");
  CHECK_ERROR(object.object("o").only({"x"}), format, "t: o: unknown key \"k\"");
}

TEST_CASE("canonical JSON sorts keys and refuses floats") {
  CHECK(canonical_json({{"b", 1}, {"a", {{"d", 2}, {"c", "é"}}}}) == "{\"a\":{\"c\":\"é\",\"d\":2},\"b\":1}");
  CHECK_ERROR(canonical_json({{"a", 0.5}}), internal, "floating-point");
}

TEST_CASE("sizes and durations for people") {
  CHECK(human_size(0) == "0 B");
  CHECK(human_size(1023) == "1023 B");
  CHECK(human_size(1536) == "1.5 KiB");
  CHECK(human_size(10240) == "10 KiB");
  CHECK(human_size(1ULL << 40) == "1.0 TiB");
  CHECK(human_size(UINT64_MAX) == "16 EiB");
  CHECK(human_duration(std::chrono::milliseconds(4200)) == "4.2 s");
  CHECK(human_duration(std::chrono::seconds(192)) == "3 min 12 s");
  CHECK(human_duration(std::chrono::minutes(65)) == "1 h 05 min");
  CHECK(count_of(1, "index", "indexes") == "1 index");
  CHECK(count_of(2, "index", "indexes") == "2 indexes");
}

TEST_CASE("base64 is strict both ways") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    CHECK(base64_decode(base64_encode(text)) == text);
  CHECK(base64_encode("foob") == "Zm9vYg==");
  for (const char* bad : {"Zg", "Zg=", "Z===", "Zg=a", "Zh==", "Zm9=", "Zm 9", "=AAA", "Zg==Zg=="})
    CHECK_FALSE(base64_decode(bad));
}

TEST_CASE("globs") {
  CHECK(glob_match("quay.io/calico/*", "quay.io/calico/cni:v3"));
  CHECK(glob_match("*", ""));
  CHECK(glob_match("a*b*c", "a-b-b-c"));
  CHECK_FALSE(glob_match("a?c", "ac"));
  CHECK_FALSE(glob_match("a*b", "a-c"));
  CHECK_FALSE(glob_match("*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST_CASE("times") {
  CHECK(format_time(Time(std::chrono::seconds(1795393518))) == "2026-11-23T00:25:18Z");
  CHECK(parse_time("2026-11-23T00:25:18Z") == Time(std::chrono::seconds(1795393518)));
  CHECK(parse_time("2024-02-29") == parse_time("2024-02-29T00:00:00Z"));
  for (const char* bad :
       {"", "2026-13-01", "2023-02-29", "2026-11-23T24:00:00Z", "2026-11-23 00:00:00", "2026-11-23T00:00:00+1"})
    CHECK_FALSE(parse_time(bad));
  ::setenv("SOURCE_DATE_EPOCH", "86400", 1);
  CHECK(format_time(current_time()) == "1970-01-02T00:00:00Z");
  ::setenv("SOURCE_DATE_EPOCH", "tomorrow", 1);
  CHECK_ERROR(current_time(), usage, "SOURCE_DATE_EPOCH");
  ::unsetenv("SOURCE_DATE_EPOCH");
}

TEST_CASE("files are never overwritten, and replaced in one step") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "file";
  write_new_file(file, "one", Access::owner);
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  CHECK_ERROR(write_new_file(file, "two"), media, "File exists");
  CHECK(read_file(file, 100) == "one");
  replace_file(file, "three");
  CHECK(read_file(file, 100) == "three");
  CHECK_ERROR(read_file(file, 4), format, "larger than the limit of 4 bytes");
  CHECK_ERROR(read_file(directory.path() / "none", 4), media, "No such file");
  write_new_file(directory.path() / "other", "x");
  CHECK_ERROR(rename_new(file, directory.path() / "other"), media, "exists");
  CHECK(std::filesystem::exists(file));
}

TEST_CASE("parallel work does every item once, and stops at the first failure") {
  std::atomic<int> sum{0};
  run_parallel(100, 4, [&](std::size_t i) { sum += static_cast<int>(i); });
  CHECK(sum == 4950);
  std::atomic<int> started{0};
  CHECK_ERROR(run_parallel(1000, 2,
                           [&](std::size_t) {
                             ++started;
                             throw Error(ErrorCode::registry, "down");
                           }),
              registry, "down");
  CHECK(started <= 4);
  const auto failures = run_parallel(
      10, 3,
      [](std::size_t i) {
        if (i % 2 == 0) throw Error(ErrorCode::registry, "even");
      },
      OnFailure::continue_);
  for (std::size_t i = 0; i < 10; ++i) CHECK((failures[i] != nullptr) == (i % 2 == 0));
  CHECK(run_parallel(0, 4, [](std::size_t) {}).empty());
}
