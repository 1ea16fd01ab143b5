// SPDX-License-Identifier: Apache-2.0
// Whose password goes where: keys of `auths` in their published forms, the most exact one, and what is odd in a file.
#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "registry/credential_file.hpp"

using namespace airlock;
using namespace airlock::registry;
using Reach = CredentialFile::Reach;

namespace {

CredentialFile file(std::string text) { return CredentialFile::parse("/x/config.json", text); }

/// An entry whose password is `password`.
std::string entry(const std::string& key, const std::string& password) {
  return "\"" + key + R"(":{"auth":")" + base64_encode("user:" + password) + "\"}";
}

std::string auths(const std::string& entries) { return R"({"auths":{)" + entries + "}}"; }

/// The password for a repository; "" for none.
std::string password(const CredentialFile& file, const std::string& host, const std::string& repository = "team/app") {
  for (const Reach reach : {Reach::repository, Reach::host})
    if (const auto found = file.find(reach, credential_host(host), repository); found.credentials)
      return std::string(found.credentials->password.view());
  return "";
}

}  // namespace

TEST_CASE("each published form of a key means the registry") {
  for (const char* key : {"r.io", "r.io/", "https://r.io", "http://r.io", "https://r.io/", "r.io/v1", "r.io/v1/",
                          "r.io/v2/", "https://r.io/v1/", "https://r.io/v2/", "https://r.io/v2", "http://r.io/v1/",
                          "R.io", "r.io:443", "https://r.io:443/v1/", " r.io "}) {
    CAPTURE(key);
    const auto read = file(auths(entry(key, "p")));
    CHECK(password(read, "r.io") == "p");
    CHECK(password(read, "r.io", "") == "p");
    for (const char* other : {"r.io:5000", "x.r.io", "r.io.evil", "docker.io"}) CHECK(password(read, other).empty());
  }
  for (const char* key : {"docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io",
                          "https://registry-1.docker.io/v2/", "https://docker.io"}) {
    CAPTURE(key);
    CHECK(password(file(auths(entry(key, "p"))), "docker.io") == "p");
  }
  CHECK(password(file(auths(entry("[::1]:5000", "p"))), "[::1]:5000") == "p");
  CHECK(password(file(auths(entry("r.io:5000", "p"))), "r.io").empty());
}

TEST_CASE("keys for a part of a registry are for that part") {
  for (const char* key :
       {"r.io/team", "r.io/team/", "r.io/team/app", "https://r.io/team", "https://r.io/v2/team/app"}) {
    CAPTURE(key);
    const auto read = file(auths(entry(key, "p")));
    CHECK(password(read, "r.io") == "p");
    for (const char* other : {"", "tea", "teams", "team2/app", "app", "x/team/app"})
      CHECK(password(read, "r.io", other).empty());
  }
  CHECK(password(file(auths(entry("docker.io/library", "p"))), "docker.io", "library/nginx") == "p");
  for (const char* key : {"https://r.io/v1/access-token", "https://r.io/v1/refresh-token", "https://r.io/v1/users/", "",
                          "https://", "/", "http:///v1/"})
    CHECK_FALSE(CredentialKey::parse(key));
}

TEST_CASE("of the keys that fit, the most exact one counts, whatever their order") {
  const std::vector<std::string> ranked{"r.io/team/app",    "r.io/team",    "r.io",        "r.io/",
                                        "https://r.io/v1/", "https://r.io", "http://r.io", "*.io"};
  for (std::size_t best = 0; best < ranked.size(); ++best) {
    std::string entries;
    for (std::size_t i = ranked.size(); i-- > best;)
      entries += (entries.empty() ? "" : ",") + entry(ranked[i], "p" + std::to_string(i));
    CHECK(password(file(auths(entries)), "r.io") == "p" + std::to_string(best));
  }
  // Docker Hub's own key is the most exact of its names.
  CHECK(password(file(auths(entry("docker.io", "other") + "," + entry("https://index.docker.io/v1/", "p"))),
                 "docker.io") == "p");
  const auto web_login = file(auths(entry("https://index.docker.io/v1/", "p") + "," +
                                    entry("https://index.docker.io/v1/access-token", "jwt") + "," +
                                    entry("https://index.docker.io/v1/refresh-token", "refresh")));
  CHECK(password(web_login, "docker.io") == "p");
}

TEST_CASE("kubelet's patterns match a host part by part") {
  const auto read = file(auths(entry("*.r.io", "p") + "," + entry("x.r.io", "q")));
  CHECK(password(read, "a.r.io") == "p");
  CHECK(password(read, "x.r.io") == "q");
  for (const char* other : {"r.io", "a.b.r.io", "a.r.io:5000", "a.r.com"}) CHECK(password(read, other).empty());
}

TEST_CASE("what is odd in a file does no harm to the rest of it") {
  const std::string good = entry("r.io", "p");
  for (const char* odd : {R"("x":null)", R"("x":[])", R"("x":5)", R"("x":"y")", R"("x":{"auth":5})", R"("":{})",
                          R"("x":{"auth":"bm8gcGFpcg=="})", R"("x":{"auth":"%%%"})", R"("x":{},"x":{})",
                          R"("x":{"username":[],"password":{}})"}) {
    CAPTURE(odd);
    CHECK(password(file(auths(std::string(odd) + "," + good)), "r.io") == "p");
  }
  for (const char* odd : {R"("credHelpers":null)", R"("credHelpers":[])", R"("credHelpers":{"x":5})",
                          R"("credsStore":null)", R"("credsStore":5)", R"("HttpHeaders":[1.5,null])"}) {
    CAPTURE(odd);
    const auto read = file("{" + std::string(odd) + R"(,"auths":{)" + good + "}}");
    CHECK(password(read, "r.io") == "p");
    CHECK(read.helper("r.io").empty());
  }
  for (const char* empty : {"", " \n", "null", "{}", R"({"auths":null})", R"({"auths":[]})"})
    CHECK(password(file(empty), "r.io").empty());
  CHECK(password(file("\xEF\xBB\xBF" + auths(good)), "r.io") == "p");
  for (const char* malformed : {"[]", "x", "{", R"({"auths":{"r.io":{"auth":hunter2}}})"})
    CHECK_ERROR(file(malformed), usage, "/x/config.json is not a Docker config.json");
}

TEST_CASE("an entry is read as Docker reads it, and more kindly") {
  const auto one = [](const std::string& members) {
    return file(R"({"auths":{"r.io":{)" + members + "}}}").find(Reach::host, "r.io", "");
  };
  const auto is = [&](const std::string& members, const std::string& username, const std::string& password) {
    CAPTURE(members);
    const auto found = one(members);
    REQUIRE(found.credentials);
    CHECK(found.credentials->username == username);
    CHECK(found.credentials->password == Secret(password));
    CHECK(found.credentials->source == "/x/config.json, entry r.io");
  };
  const auto pair = [](const std::string& text) { return R"("auth":")" + text + "\""; };
  is(pair(base64_encode("u:p:q")), "u", "p:q");
  is(pair(base64_encode("u:p")) + R"(,"username":"x","password":"y")", "u", "p");
  is(pair("dTpw"), "u", "p");
  is(pair("dTpwcA"), "u", "pp");             // no padding
  is(pair("dTpw\\ncA==\\r\\n"), "u", "pp");  // lines
  is(pair("dTrDv8O_"), "u", "ÿÿ");           // the alphabet for URLs
  is(pair(base64_encode(std::string("u:p\0\0", 5))), "u", "p");
  is(pair(base64_encode(":token")), "", "token");
  is(R"("username":"u","password":"p")", "u", "p");
  is(pair("") + R"(,"username":"u","password":"p")", "u", "p");
  is(pair("%%%") + R"(,"username":"u","password":"p")", "u", "p");
  is(R"("auth":null,"identitytoken":null,"username":"u","password":"p")", "u", "p");
  is(R"("username":"","password":"",)" + pair(base64_encode("u:p")), "u", "p");
  CHECK(one(pair(base64_encode("0000:")) + R"(,"identitytoken":"i")").credentials->identity_token == Secret("i"));
  CHECK(one(R"("registrytoken":"r")").credentials->registry_token == Secret("r"));
}

TEST_CASE("an empty entry is none, and one that is wrong says so once it is missed") {
  const auto one = [](const std::string& value) {
    return file(R"({"auths":{"r.io":)" + value + "}}").find(Reach::host, "r.io", "");
  };
  for (const char* empty : {"{}", "null", R"({"auth":""})", R"({"auth":null})", R"({"auth":"Og=="})",
                            R"({"username":"","password":""})", R"({"identitytoken":""})"}) {
    CAPTURE(empty);
    CHECK_FALSE(one(empty).credentials);
    CHECK_FALSE(one(empty).obstacle);
  }
  const auto flaw = [&](const std::string& value) {
    const auto found = one(value);
    CHECK_FALSE(found.credentials);
    return found.obstacle ? std::string(found.obstacle->what()) : "none";
  };
  CHECK(flaw("[]") == "/x/config.json: the entry r.io of `auths` is no JSON object");
  CHECK_THAT(flaw(R"({"auth":"bm8gcGFpcg=="})"), ContainsSubstring("not base64 of user:password"));
  CHECK_THAT(flaw(R"({"auth":"%%%"})"), ContainsSubstring("not base64 of user:password"));
  CHECK_THAT(flaw(R"({"auth":"dTo="})"), ContainsSubstring("a user name without a password"));
  CHECK_THAT(flaw(R"({"username":"u"})"), ContainsSubstring("a user name without a password"));
  // A less exact entry that is good is better than an exact one that is not.
  const auto both = file(auths(R"("r.io":{"auth":"%%%"},)" + entry("https://r.io", "p")));
  CHECK(password(both, "r.io") == "p");
  CHECK_FALSE(both.find(Reach::host, "r.io", "").obstacle);
}

TEST_CASE("which helper is asked for a host") {
  const auto read = file(R"({"credsStore":"all","credHelpers":{"https://r.io":"one","off.io":"","team.io/x":"no"}})");
  CHECK(read.helper("r.io") == "one");
  CHECK(read.helper("off.io").empty());
  CHECK(read.helper("team.io") == "all");
  CHECK(read.helper("docker.io") == "all");
  CHECK(file(R"({"credHelpers":{"index.docker.io":"hub"}})").helper("docker.io") == "hub");
}
