// SPDX-License-Identifier: Apache-2.0
// Which token is asked for, how, and for how long it is used.
#include "token_server.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace std::chrono_literals;
using namespace airlock::test::tokens;

TEST_CASE("a token is asked for with the password, the service and each scope") {
  TokenServer server;
  const auto credentials = password();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  CHECK(authenticator.header(origin, host, pull).header.empty());  // nothing is known of the registry yet
  Scopes mount = push;
  mount.insert("repository:b:pull");
  const auto offer = authenticator.answer(origin, host, mount, {}, bearer());
  REQUIRE(offer);
  CHECK(offer->header == Secret("Bearer t1"));
  CHECK_FALSE(offer->trial);
  REQUIRE(server.asked.size() == 1);
  CHECK(server.asked[0].method == "GET");
  CHECK(server.asked[0].url ==
        "https://auth.local/token?service=the%20registry&scope=repository%3aa%3apull%2cpush&scope=repository%3ab%3apull"
        "&account=user");
  CHECK(server.asked[0].authorization == Secret(basic_pair));
  CHECK_FALSE(server.asked[0].present_certificate);

  authenticator.answer(origin, host, pull, {}, bearer("https://r.local/token?x=1"));
  CHECK(server.asked.at(1).url.starts_with("https://r.local/token?x=1&service="));
  CHECK(server.asked.at(1).present_certificate);  // the registry itself
}

TEST_CASE("without credentials an anonymous token is asked for") {
  TokenServer server;
  server.key = "access_token";
  const CredentialStore nobody;
  Authenticator authenticator(nobody, server.perform(), Side::source, server.clock);
  CHECK(authenticator.answer(origin, host, pull, {}, bearer())->header == Secret("Bearer t1"));
  CHECK(server.asked.at(0).authorization.empty());
  CHECK(server.asked.at(0).url.find("account") == std::string::npos);
  server.status = 401;
  CHECK_ERROR(authenticator.answer(origin, host, push, {}, bearer()), registry,
              "https://auth.local refused an anonymous token for r.local (HTTP 401)");
}

TEST_CASE("an identity token is sent in the body, and refused once for all") {
  TokenServer server;
  server.key = "access_token";
  const auto credentials = identity();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  CHECK(authenticator.answer(origin, host, pull, {}, bearer())->header == Secret("Bearer t1"));
  const HttpRequest asked = server.asked.at(0);
  CHECK(asked.method == "POST");
  CHECK(asked.url == "https://auth.local/token");
  CHECK(asked.authorization.empty());
  CHECK(asked.body_text ==
        "grant_type=refresh_token&client_id=airlock&service=the%20registry&scope=repository%3aa%3apull"
        "&refresh_token=refresh%20me");
  for (const long refusal : {400, 401}) {  // OAuth2 refuses with 400
    TokenServer strict;
    strict.status = refusal;
    Authenticator refused(credentials, strict.perform(), Side::source, strict.clock);
    CHECK_ERROR(refused.answer(origin, host, pull, {}, bearer()), registry, "refused the identity token for r.local");
    CHECK_ERROR(refused.answer(origin, host, push, {}, bearer()), registry, "refused the identity token for r.local");
    CHECK(strict.asked.size() == 1);
  }
}

TEST_CASE("each scope has its token, fetched before the request once the registry is known to want them") {
  TokenServer server;
  const auto credentials = password();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  authenticator.answer(origin, host, pull, {}, bearer());
  CHECK(authenticator.header(origin, host, pull).header == Secret("Bearer t1"));
  CHECK(authenticator.header(origin, host, push).header == Secret("Bearer t2"));
  CHECK(authenticator.header(origin, host, push).header == Secret("Bearer t2"));
  CHECK(authenticator.header({"https", "other.local"}, "other.local", pull).header.empty());
  CHECK(server.asked.size() == 2);
}

TEST_CASE("a token is renewed before it expires, and when the registry does not take it any more") {
  TokenServer server;
  const auto credentials = password();
  const auto lifetime_of = [&](const std::string& members) {
    server.members = members;
    server.asked.clear();
    Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
    authenticator.answer(origin, host, pull, {}, bearer());
    std::chrono::seconds lifetime{0};
    while (authenticator.header(origin, host, pull).header == Secret("Bearer t1")) {
      const auto step = lifetime < 10min ? 1s : 60s;
      server.clock.pass(step);
      lifetime += step;
    }
    return lifetime;
  };
  CHECK(lifetime_of(R"("expires_in":300)") == 290s);
  CHECK(lifetime_of("") == 50s);
  CHECK(lifetime_of(R"("expires_in":5)") == 50s);  // the specification's least
  CHECK(lifetime_of(R"("expires_in":99999999999)") <= 24h);

  TokenServer revoking;
  Authenticator authenticator(credentials, revoking.perform(), Side::source, revoking.clock);
  const auto first = authenticator.answer(origin, host, pull, {}, bearer());
  const auto second = authenticator.answer(origin, host, pull, first->header, bearer());
  CHECK(second->header == Secret("Bearer t2"));
  // Another request was refused with the first token meanwhile: the second one is there already.
  CHECK(authenticator.answer(origin, host, pull, first->header, bearer())->header == Secret("Bearer t2"));
  CHECK(revoking.asked.size() == 2);
}

TEST_CASE("of several ways to authenticate, the first one that can be gone is taken") {
  TokenServer server;
  const std::vector<Challenge> basic{{"basic", {{"realm", "r"}}}};
  const auto both = [&](bool basic_first) {
    auto challenges = basic_first ? basic : bearer();
    challenges.push_back(basic_first ? bearer()[0] : basic[0]);
    return challenges;
  };
  const auto offered = [&](const CredentialStore& credentials, const std::vector<Challenge>& challenges) {
    Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
    const auto offer = authenticator.answer(origin, host, pull, {}, challenges);
    return offer ? std::string(offer->header.view()) : "nothing";
  };
  CHECK(offered(password(), both(true)) == basic_pair);
  CHECK(offered(password(), both(false)) == "Bearer t1");
  CHECK(offered({}, both(true)) == "Bearer t2");
  CHECK(offered(identity(), both(true)) == "Bearer t3");  // is no password
  CHECK(offered({}, basic) == "nothing");
  CHECK(offered(password(), {{"negotiate", {}}}) == "nothing");
  CHECK(offered(password(), {}) == "nothing");
}

TEST_CASE("a password goes to no realm that is less safe than the registry") {
  TokenServer server;
  const auto credentials = password();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  for (const char* realm : {"", "auth.local", "http://auth.local/token", "file:///etc/passwd", "https://"})
    CHECK_ERROR(authenticator.answer(origin, host, pull, {}, bearer(realm)), registry,
                "sends its users for a token to");
  CHECK_ERROR(authenticator.answer(origin, host, pull, {}, {{"bearer", {}}}), registry, "for a token to \"\"");
  CHECK(server.asked.empty());
  CHECK_NOTHROW(authenticator.answer({"http", host}, host, pull, {}, bearer("http://auth.local/token")));
}

TEST_CASE("answers without a token are refused, and not quoted") {
  const CredentialStore nobody;
  for (const char* body : {"", "[]", "{}", R"({"token":""})", R"({"token":17})", R"({"token":"hunter2\r\nX: y"})",
                           R"({"token":"hunter2)", R"({"token":null,"access_token":["hunter2"]})"}) {
    Authenticator authenticator(
        nobody, [&](const HttpRequest&) { return answer_with(body); }, Side::source);
    try {
      authenticator.answer(origin, host, pull, {}, bearer());
      FAIL_CHECK("no Error: " << body);
    } catch (const Error& error) {
      CHECK_THAT(std::string(error.what()), ContainsSubstring("without a token that airlock can read"));
      CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
    }
  }
}

TEST_CASE("what a token server refuses for other reasons says nothing about the password") {
  TokenServer server;
  const auto credentials = password();
  Authenticator authenticator(credentials, server.perform(), Side::source, server.clock);
  for (const long status : {403, 404, 500}) {
    server.status = status;
    CHECK_ERROR(authenticator.answer(origin, host, pull, {}, bearer()), registry, "HTTP " + std::to_string(status));
  }
  server.status = 200;
  CHECK(authenticator.answer(origin, host, pull, {}, bearer()));
  CHECK(server.asked.size() == 4);
}

TEST_CASE("while one request tries the password, the others wait, and a wrong one is sent once") {
  constexpr std::size_t threads = 8;
  const auto credentials = password();
  std::atomic<int> asked{0};
  Authenticator* shared = nullptr;
  Authenticator authenticator(
      credentials,
      [&](const HttpRequest&) {
        ++asked;
        until([&] { return shared->waiting(host) == threads - 1; });
        HttpAnswer answer;
        answer.status = 401;
        return answer;
      },
      Side::source);
  shared = &authenticator;
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> all;
    for (std::size_t i = 0; i < threads; ++i)
      all.emplace_back([&, i] {
        try {
          authenticator.answer(origin, host, {"repository:a" + std::to_string(i) + ":pull"}, {}, bearer());
        } catch (const Error&) {
          ++refused;
        }
      });
  }
  CHECK(asked == 1);
  CHECK(refused == threads);
}

ALONE_TEST_CASE("an interruption ends the wait for the trial of a password") {
  catch_interrupts();
  const auto credentials = password();
  Authenticator authenticator(credentials, nullptr, Side::source);
  const std::vector<Challenge> basic{{"basic", {{"realm", "r"}}}};
  REQUIRE(authenticator.answer(origin, host, pull, {}, basic));  // and its outcome is never told
  std::atomic<bool> ended{false};
  {
    const std::jthread other([&] {
      try {
        authenticator.answer(origin, host, push, {}, basic);
      } catch (const Error& error) {
        ended = error.code() == ErrorCode::interrupted;
      }
    });
    until([&] { return authenticator.waiting(host) == 1; });
    std::raise(SIGTERM);
  }
  CHECK(ended);
}
