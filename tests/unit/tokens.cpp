// SPDX-License-Identifier: Apache-2.0
// Which token is asked for, how, and for how long it is used.
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <vector>

#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "alone.hpp"
#include "catch.hpp"
#include "fake_clock.hpp"
#include "registry/auth.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace std::chrono_literals;

namespace {

HttpAnswer answer_with(std::string body) {
  HttpAnswer answer;
  answer.status = 200;
  answer.body = std::move(body);
  return answer;
}

const Origin origin{"https", "r.local"};
const std::string host = "r.local";
const Scopes pull{"repository:a:pull"};
const Scopes push{"repository:a:pull,push"};
const std::string basic_pair = "Basic " + base64_encode("user:password");

std::vector<Challenge> bearer(const std::string& realm = "https://auth.local/token") {
  return {{"bearer", {{"realm", realm}, {"service", "the registry"}}}};
}

CredentialStore password() {
  CredentialStore credentials;
  credentials.set(host, {"user", Secret("password"), {}});
  return credentials;
}

CredentialStore identity() {
  CredentialStore credentials;
  credentials.set(host, {"", {}, Secret("refresh me")});
  return credentials;
}

/// A token server that notes what it is asked; each token has another number.
struct TokenServer {
  long status = 200;
  std::string members = R"("expires_in":300)";  ///< of the answer, beside the token
  std::string key = "token";
  std::vector<HttpRequest> asked;
  test::FakeClock clock;

  Authenticator::Perform perform() {
    return [this](const HttpRequest& request) {
      asked.push_back(request);
      HttpAnswer answer;
      answer.status = status;
      answer.body =
          "{\"" + key + "\":\"t" + std::to_string(asked.size()) + "\"" + (members.empty() ? "" : "," + members) + "}";
      return answer;
    };
  }
};

}  // namespace

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
