// SPDX-License-Identifier: Apache-2.0
// What token servers and challenges of all kinds say.
#include "token_server.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace std::chrono_literals;
using namespace airlock::test::tokens;

TEST_CASE("a token is taken from every form of answer, and an expiry that means nothing is a minute") {
  const CredentialStore nobody;
  const auto lifetime_of = [&](const std::string& body) {
    test::FakeClock clock;
    int asked = 0;
    Authenticator authenticator(
        nobody,
        [&](const HttpRequest&) {
          ++asked;
          return answer_with(body);
        },
        Side::source, clock);
    CAPTURE(body);
    const auto offer = authenticator.answer(origin, host, pull, {}, bearer());
    REQUIRE(offer);
    CHECK(offer->header == Secret("Bearer T"));
    std::chrono::seconds lifetime{0};
    while (asked == 1 && lifetime < 2h) {
      clock.pass(10s);
      lifetime += 10s;
      authenticator.header(origin, host, pull);
    }
    return lifetime;
  };
  CHECK(lifetime_of(R"({"token":"T","expires_in":"300"})") == 290s);
  CHECK(lifetime_of(R"({"token":"T","expires_in":300.7})") == 290s);
  CHECK(lifetime_of(R"({"token":"T","expires_in":"300.7"})") == 290s);
  CHECK(lifetime_of(R"({"token":"T","expires_in":1e30})") == 2h);
  for (const char* odd : {"null", "-1", "-1.5", "0", "\"\"", "\"soon\"", "\"-5\"", "true", "{}", "[300]"})
    CHECK(lifetime_of(R"({"token":"T","expires_in":)" + std::string(odd) + "}") == 50s);
  for (const char* body :
       {R"({"token":null,"access_token":"T"})", R"({"token":"","access_token":"T"})",
        R"({"token":7,"access_token":"T"})", R"({"token":"T","access_token":"other"})", R"({"token":"T\n"})",
        R"({"token":"T","issued_at":17})", R"({"token":"T","issued_at":"2199-01-01T00:00:00Z","refresh_token":5})",
        R"({"token":"T","token":"T"})", "\xEF\xBB\xBF{\"token\":\"T\"}"})
    CHECK(lifetime_of(body) == 50s);
}

TEST_CASE("the token is asked for the scope of the challenge, and renewed for the same") {
  TokenServer server;
  const CredentialStore nobody;
  Authenticator authenticator(nobody, server.perform(), Side::source, server.clock);
  auto rewritten = bearer();
  rewritten[0].parameters["scope"] = "repository:library/a:pull";
  authenticator.answer(origin, host, pull, {}, rewritten);
  CHECK_THAT(server.asked.at(0).url, ContainsSubstring("&scope=repository%3alibrary%2fa%3apull"));
  CHECK(server.asked.at(0).url.find("scope=repository%3aa%3a") == std::string::npos);
  server.clock.pass(10min);
  CHECK(authenticator.header(origin, host, pull).header == Secret("Bearer t2"));
  CHECK_THAT(server.asked.at(1).url, ContainsSubstring("&scope=repository%3alibrary%2fa%3apull"));
  // How it calls another repository is not known before it says so.
  CHECK(authenticator.header(origin, host, {"repository:b:pull"}).header.empty());
  CHECK(server.asked.size() == 2);
}

TEST_CASE("each repository may have a realm of its own, and the wrong one's refusal is no error") {
  for (const long refusal : {400, 401, 403, 404}) {
    CAPTURE(refusal);
    std::vector<std::string> asked;
    const auto credentials = password();
    test::FakeClock clock;
    Authenticator authenticator(
        credentials,
        [&](const HttpRequest& request) {
          asked.push_back(request.url);
          HttpAnswer answer;
          const bool own = request.url.starts_with("https://auth.local/a") ==
                           (request.url.find("scope=repository%3aa%3a") != std::string::npos);
          answer.status = own ? 200 : refusal;
          answer.body = R"({"token":"t"})";
          return answer;
        },
        Side::source, clock);
    const Scopes other{"repository:b:pull"};
    CHECK(authenticator.answer(origin, host, pull, {}, bearer("https://auth.local/a")));
    CHECK(authenticator.header(origin, host, other).header.empty());
    CHECK(authenticator.answer(origin, host, other, {}, bearer("https://auth2.local/b"))->header == Secret("Bearer t"));
    const auto before = asked.size();
    CHECK(authenticator.header(origin, host, {"repository:c:pull"}).header.empty());
    CHECK(asked.size() == before);
  }
}

TEST_CASE("a token server that gives all or nothing is asked for what the challenge names") {
  std::vector<std::string> asked;
  const auto credentials = password();
  Authenticator authenticator(
      credentials,
      [&](const HttpRequest& request) {
        asked.push_back(request.url);
        HttpAnswer answer;
        answer.status = request.url.find("push") == std::string::npos ? 200 : 403;
        answer.body = R"({"token":"t"})";
        return answer;
      },
      Side::target);
  auto challenge = bearer();
  challenge[0].parameters["scope"] = "repository:a:pull";
  CHECK(authenticator.answer(origin, host, push, {}, challenge)->header == Secret("Bearer t"));
  CHECK(asked.size() == 2);
  challenge[0].parameters["scope"] = "repository:a:pull,push";
  CHECK_ERROR(authenticator.answer(origin, host, push, Secret("Bearer t"), challenge), registry, "HTTP 403");
  CHECK(asked.size() == 3);
}

TEST_CASE("what is said at /v2/ is obeyed by who has credentials, without its scope") {
  TokenServer server;
  auto ping = bearer();
  ping[0].parameters["scope"] = "repository:user/image:pull";
  {
    const CredentialStore nobody;
    Authenticator authenticator(nobody, server.perform(), Side::source, server.clock);
    authenticator.learn(origin, ping);
    CHECK(authenticator.header(origin, host, pull).header.empty());
    CHECK(server.asked.empty());
  }
  const auto credentials = password();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  authenticator.learn(origin, ping);
  CHECK(authenticator.header(origin, host, pull).header == Secret("Bearer t1"));
  CHECK(server.asked.at(0).url.find("image") == std::string::npos);
  Authenticator basic(credentials, server.perform(), Side::source, server.clock);
  basic.learn(origin, {{"negotiate", {}}, {"basic", {}}});
  const auto offer = basic.header(origin, host, pull);
  CHECK(offer.header == Secret(basic_pair));
  CHECK(offer.trial);
  basic.settle(origin, host, offer, 401);
  CHECK(basic.header(origin, host, pull).header.empty());  // sent once
  CHECK_ERROR(basic.answer(origin, host, pull, {}, {{"basic", {}}}), registry, "refused the credentials");

  TokenServer broken;
  broken.status = 500;
  Authenticator dead(credentials, broken.perform(), Side::source, broken.clock);
  dead.learn(origin, ping);
  CHECK(dead.header(origin, host, pull).header.empty());
}

TEST_CASE("an answer that says nothing of the password leaves it to be tried again") {
  const auto credentials = password();
  Authenticator authenticator(credentials, nullptr, Side::source);
  for (const long number : {0, 408, 425, 429, 500, 503}) {
    const auto offer = authenticator.answer(origin, host, pull, {}, {{"basic", {}}});
    REQUIRE(offer);
    CHECK(offer->trial);
    authenticator.settle(origin, host, *offer, number);
  }
  const auto offer = authenticator.answer(origin, host, pull, {}, {{"basic", {}}});
  authenticator.settle(origin, host, offer.value(), 403);
  CHECK_FALSE(authenticator.header(origin, host, pull).trial);
}

TEST_CASE("a registry token goes to the registry as it is") {
  TokenServer server;
  CredentialStore credentials;
  credentials.set(host, {"", {}, {}, Secret("RT"), "/x/config.json"});
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  const auto offer = authenticator.answer(origin, host, pull, {}, bearer());
  REQUIRE(offer);
  CHECK(offer->header == Secret("Bearer RT"));
  CHECK(authenticator.header(origin, host, push).header == Secret("Bearer RT"));
  CHECK_ERROR(authenticator.answer(origin, host, pull, offer->header, bearer()), registry,
              "refused the registry token for r.local (/x/config.json)");
  CHECK(server.asked.empty());
}

TEST_CASE("a realm without TLS at the registry's own place is asked with it") {
  TokenServer server;
  const auto credentials = password();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  authenticator.answer(origin, host, pull, {}, bearer("http://r.local/token"));
  CHECK(server.asked.at(0).url.starts_with("https://r.local/token?"));
  // And where a realm is of no use, a password may still be.
  auto challenges = bearer("http://auth.local/token");
  challenges.push_back({"basic", {}});
  CHECK(authenticator.answer(origin, host, push, {}, challenges)->header == Secret(basic_pair));
}

TEST_CASE("what a token server says reaches the user") {
  const auto credentials = password();
  for (const auto& [body, words] :
       {std::pair(R"({"details":"incorrect username or password"})", "incorrect username or password"),
        std::pair(R"({"error":"invalid_grant","error_description":"it is old"})", "it is old"),
        std::pair(R"({"errors":[{"code":"UNAUTHORIZED","message":"no"}]})", "UNAUTHORIZED: no"),
        std::pair("locked", "locked")}) {
    Authenticator authenticator(
        credentials,
        [text = std::string(body)](const HttpRequest&) {
          HttpAnswer answer;
          answer.status = 401;
          answer.body = text;
          return answer;
        },
        Side::source);
    CHECK_ERROR(authenticator.answer(origin, host, pull, {}, bearer()), registry, words);
  }
}
