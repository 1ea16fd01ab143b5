// SPDX-License-Identifier: Apache-2.0
// The one YAML reader: strict, bounded, with lines.
#include "airlock/base/yaml.hpp"

#include "catch.hpp"

using namespace airlock;

namespace {

std::vector<YamlDocument> expand(const std::string& text, const JsonLimits& limits = YamlOptions().limits) {
  return parse_yaml_documents(text, "y", {limits, YamlAliases::expand, 10});
}

}  // namespace

TEST_CASE("several documents, and where their keys stand") {
  const auto documents = expand("a: 1\nb:\n  - c: x\n  - [d, e]\n---\n# nothing\n---\nf/g: {h~i: 2}\n");
  REQUIRE(documents.size() == 2);
  CHECK(documents[0].value == Json{{"a", 1}, {"b", {{{"c", "x"}}, {"d", "e"}}}});
  CHECK(documents[0].line("/a") == 1);
  CHECK(documents[0].line("/b") == 2);
  CHECK(documents[0].line("/b/0/c") == 3);
  CHECK(documents[0].line("/b/1/1") == 4);
  CHECK(documents[0].line("/b/1/none") == 4);
  CHECK(documents[1].line("/f~1g/h~0i") == 8);
  CHECK(documents[1].line("") == 1);
}

TEST_CASE("what yaml-cpp reads without end is refused") {
  for (const char* text : {",: b\n", "a: 1\n---\n,: b\n", "-\n,", ","})
    CHECK_ERROR(expand(text), format, "unexpected token");
  std::string many;
  for (int i = 0; i < 20; ++i) many += "---\na: 1\n";
  CHECK_ERROR(expand(many), format, "more than 10 documents");
}

TEST_CASE("aliases are copied, within the limits") {
  CHECK(expand("a: &x {k: [1, 2]}\nb: *x\n")[0].value["b"]["k"][1] == 2);
  CHECK(expand("a: &x text\nb: [*x, *x]\n")[0].value["b"] == Json{"text", "text"});
  CHECK(expand("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n")[0].value["b"] == Json{{"k", 3}, {"l", 2}});
  CHECK_ERROR(expand("b: {<<: [1]}\n"), format, "a merge key (<<) that does not name a mapping");
  CHECK_ERROR(expand("a: &x {b: *x}\n"), format, "an alias to something that is not complete");
  CHECK_ERROR(expand("a: *none\n"), format, "not valid YAML");
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'a'; c < 'h'; ++c) {
    const std::string one(1, c);
    const std::string next(1, static_cast<char>(c + 1));
    bomb += next + ": &" + next + " [*" + one;
    for (int i = 0; i < 8; ++i) bomb += ",*" + one;
    bomb += "]\n";
  }
  CHECK_ERROR(expand(bomb), format, "more than 65536 values");
  std::string heavy = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 100; ++i) heavy += ",*a";
  CHECK_ERROR(expand(heavy + "]\n"), format, "its aliases expand to more than 1048576 bytes");
  CHECK_ERROR(parse_yaml("a: &x 1\nb: 2\n", "y"), format, "anchors (&) are not allowed");
}
