// SPDX-License-Identifier: Apache-2.0
// Challenges in every form that RFC 9110 allows, and some that it does not; what a token is then asked for.
#include "registry/challenge.hpp"

#include "catch.hpp"

using namespace airlock;
using namespace airlock::registry;

namespace {

using Parameters = std::map<std::string, std::string>;

std::vector<Challenge> parse(const std::string& value) { return parse_challenges({value}); }

}  // namespace

TEST_CASE("each legal form of a challenge is read") {
  const Challenge basic{"basic", {{"realm", "r"}}};
  const Challenge bearer{"bearer", {{"realm", "https://a/t?x=y,z"}, {"service", "s"}}};
  for (const char* value : {R"(Basic realm="r")", R"(bAsIc REALM="r")", "Basic realm=r", R"(Basic realm = "r")",
                            "Basic\trealm\t=\t\"r\"", R"(, ,Basic realm="r",,)", R"(Basic realm="\r")"}) {
    CAPTURE(value);
    CHECK(parse(value) == std::vector{basic});
  }
  for (const char* value :
       {R"(Bearer realm="https://a/t?x=y,z",service="s")", R"(BEARER service=s , realm = "https://a/t?x=y,z")",
        R"(Bearer realm="https://a/t?x=y,z" service="s")"}) {
    CAPTURE(value);
    CHECK(parse(value) == std::vector{bearer});
  }
  CHECK(parse("Bearer realm=https://a/t?x=y,service=s")[0].parameters ==
        Parameters{{"realm", "https://a/t?x=y"}, {"service", "s"}});
  CHECK(parse("Basic") == std::vector{Challenge{"basic", {}}});
}

TEST_CASE("several challenges are kept apart, in one header and in several") {
  const Challenge basic{"basic", {{"realm", "simple"}}};
  for (const char* before :
       {"Negotiate", "Negotiate YIIabc/+==", "NTLM TlRM=", "Unknown a=b, c=\"d, Basic realm=no\"",
        R"(Newauth realm="apps", type=1, title="Login to \"apps\", Basic realm=x")", R"(Digest qop="auth,auth-int")"}) {
    CAPTURE(before);
    const auto in_one = parse(std::string(before) + R"(, Basic realm="simple")");
    REQUIRE(in_one.size() == 2);
    CHECK(in_one[1] == basic);
    CHECK(parse_challenges({before, R"(Basic realm="simple")"}) == in_one);
  }
  // The RFC's own example, section 11.6.1.
  const auto example = parse(R"(Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"")");
  REQUIRE(example.size() == 2);
  CHECK(example[0] == basic);
  CHECK(example[1].parameters == Parameters{{"realm", "apps"}, {"type", "1"}, {"title", "Login to \"apps\""}});
}

TEST_CASE("what is malformed costs itself, not what comes after it") {
  for (const char* odd : {"=x, Basic realm=r", "\"x\", Basic realm=r", "realm=x, Basic realm=r",
                          "Basic realm=r, ==, =", "Basic realm=r, \"", ";Basic realm=r"}) {
    CAPTURE(odd);
    const auto challenges = parse(odd);
    REQUIRE_FALSE(challenges.empty());
    CHECK(challenges.back().scheme == "basic");
    CHECK(challenges.back().parameter("realm") == "r");
  }
  CHECK(parse("Basic realm=first, realm=second")[0].parameter("realm") == "first");
  // Parameters do not wander from one header to the next.
  CHECK(parse_challenges({"Basic", "realm=x"}) == std::vector{Challenge{"basic", {}}});
  CHECK(parse("Basic realm=\"open")[0].parameter("realm") == "open");
  CHECK(parse("").empty());
}

TEST_CASE("a token is asked for what the challenge names, and for no less than is needed there") {
  const Scopes pull{"repository:a/b:pull"};
  const Scopes push{"repository:a/b:pull,push"};
  CHECK(scopes_to_ask(pull, "") == pull);
  CHECK(scopes_to_ask(pull, "repository:a/b:pull") == pull);
  CHECK(scopes_to_ask(push, "repository:a/b:pull") == push);
  CHECK(scopes_to_ask(pull, "repository:a/b:pull,push") == push);
  CHECK(scopes_to_ask(pull, "repository:library/a/b:pull") == Scopes{"repository:library/a/b:pull"});
  CHECK(scopes_to_ask(push, "repository:h:5000/a/b:pull  other:thing:*") ==
        Scopes{"repository:h:5000/a/b:pull", "other:thing:*"});
  CHECK(scopes_to_ask({}, "registry:catalog:*") == Scopes{"registry:catalog:*"});
  CHECK(scopes_to_ask({}, "word") == Scopes{"word"});
  // A mount needs the other repository too, which few registries name.
  Scopes mount = push;
  mount.insert("repository:c:pull");
  CHECK(scopes_to_ask(mount, "repository:a/b:pull,push") == mount);
}

TEST_CASE("the repository of a request is the one that it writes to, else the one that it reads") {
  CHECK(repository_of({}).empty());
  CHECK(repository_of({"repository:a/b:pull"}) == "a/b");
  CHECK(repository_of({"repository:a:pull", "repository:z:pull,push"}) == "z");
  CHECK(repository_of({"repository:a:pull,push", "repository:z:pull"}) == "a");
  CHECK(repository_of({"registry:catalog:*"}).empty());
}
