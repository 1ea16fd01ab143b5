// SPDX-License-Identifier: Apache-2.0
// What is tried again and how often, where redirects lead, and what is answered to a challenge.
#include "session_parts.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;
using namespace std::chrono_literals;
using namespace airlock::test::sessions;

TEST_CASE("answers that may change are asked for again, seven times in all, others once") {
  for (const long number : {408, 429, 500, 502, 503, 504}) {
    FakeNet net([&](const HttpRequest&) { return status(number); });
    CHECK(net.session->send(home(), {}, request()).status == number);
    CHECK(net.transport.sent().size() == 7);
    CHECK(net.session->statistics().requests == 7);
    CHECK(net.session->statistics().retries == 6);
  }
  for (const long number : {200, 206, 400, 401, 403, 404, 405, 409, 413, 416, 501, 505}) {
    FakeNet net([&](const HttpRequest&) { return status(number); });
    CHECK(net.session->send(home(), {}, request()).status == number);
    CHECK(net.transport.sent().size() == 1);
    CHECK(net.clock.slept().empty());
  }
}

TEST_CASE("a line that breaks is tried again, and what would break again is not") {
  for (const Failure failure : {Failure::transient, Failure::stalled, Failure::handshake}) {
    FakeNet net([&](const HttpRequest&) { return broken(failure); });
    CHECK_ERROR(net.session->send(home(), {}, request()), registry, "cannot reach https://r.local: it broke");
    CHECK(net.transport.sent().size() == 7);
  }
  for (const Failure failure : {Failure::tls, Failure::not_tls, Failure::permanent}) {
    FakeNet net([&](const HttpRequest&) { return broken(failure); });
    CHECK_ERROR(net.session->send(home(), {}, request()), registry, "cannot reach https://r.local: it broke");
    CHECK(net.transport.sent().size() == 1);
  }
  for (unsigned failures = 0; failures < 7; ++failures) {
    FakeNet net(fails(failures, broken(Failure::transient)));
    CHECK(net.session->send(home(), {}, request()).status == 200);
    CHECK(net.transport.sent().size() == failures + 1);
  }
  FakeNet net(fails(2, broken(Failure::transient)));
  CHECK_ERROR(net.session->send(home(), {}, request(), nullptr, 2), registry, "cannot reach");
}

TEST_CASE("the waits between attempts double, with some chance in them, and end at half a minute") {
  FakeNet net([](const HttpRequest&) { return status(503); });
  net.session->send(home(), {}, request(), nullptr, 12);
  const auto slept = net.clock.slept();
  REQUIRE(slept.size() == 11);
  for (std::size_t i = 0; i < slept.size(); ++i) {
    const auto middle = std::min<std::chrono::milliseconds>(30s, 250ms * (1U << i));
    CHECK(slept[i] >= middle / 2);
    CHECK(slept[i] <= middle * 3 / 2);
  }
}

TEST_CASE("an attempt that got on does not count against the limit, unless it was too slow") {
  for (const auto& [failure, attempts] : {std::pair(Failure::transient, 57U), std::pair(Failure::stalled, 7U)}) {
    std::uint64_t received = 0;
    FakeNet net([&, kind = failure](const HttpRequest&) {
      if (received < 50) ++received;
      return broken(kind);
    });
    CHECK_ERROR(net.session->send(home(), {}, request(), [&] { return received; }), registry, "cannot reach");
    CHECK(net.transport.sent().size() == attempts - (failure == Failure::transient ? 1 : 0));
  }
}

TEST_CASE("Retry-After is obeyed by all who ask this registry, and by nobody where it takes too long") {
  HttpAnswer later = status(429);
  later.retry_after = 90s;
  {
    FakeNet net(fails(1, later));
    const auto start = net.clock.now();
    CHECK(net.session->send(home(), {}, request()).status == 200);
    CHECK(net.clock.now() >= start + 90s);
    CHECK(net.clock.now() < start + 100s);
  }
  {
    FakeNet net([&](const HttpRequest&) { return later; });
    const auto start = net.clock.now();
    CHECK(net.session->send(home(), {}, request(), nullptr, 1).status == 429);
    CHECK(net.clock.slept().empty());
    net.session->send(home(), {}, request(), nullptr, 1);  // another request, which has not heard it
    CHECK(net.clock.now() >= start + 90s);
    Endpoint elsewhere = home();
    elsewhere.origin.host = "other.local";
    const auto waits = net.clock.slept().size();
    net.session->send(
        elsewhere, {},
        [] {
          HttpRequest made;
          made.url = "https://other.local/v2/";
          return made;
        },
        nullptr, 1);
    CHECK(net.clock.slept().size() == waits);
  }
  HttpAnswer failing = status(502);
  failing.retry_after = 90s;
  FakeNet alone(fails(1, failing));  // which is no overload: only who heard it waits
  const auto start = alone.clock.now();
  CHECK(alone.session->send(home(), {}, request()).status == 200);
  CHECK(alone.clock.now() >= start + 90s);
  later.retry_after = 6h;
  FakeNet net([&](const HttpRequest&) { return later; });
  CHECK(net.session->send(home(), {}, request()).status == 429);
  CHECK(net.session->send(home(), {}, request()).status == 429);
  CHECK(net.clock.slept().empty());
  CHECK(net.transport.sent().size() == 2);
}

TEST_CASE("redirects are followed without credentials, by requests without content only") {
  const auto serve = [](const HttpRequest& asked) {
    if (asked.url.starts_with("https://cdn.local/")) return status(200);
    if (asked.authorization.empty()) return status(401, {{"www-authenticate", {"Basic realm=\"r\""}}});
    return status(307, {{"location", {"https://cdn.local/blob?signed"}}});
  };
  {
    FakeNet net(serve, with_password());
    CHECK(net.session->send(home(), pull, request()).status == 200);
    const auto sent = net.transport.sent();
    REQUIRE(sent.size() == 3);
    CHECK(sent[1].authorization == basic);
    CHECK(sent[1].certificate);
    CHECK(sent[2].url == "https://cdn.local/blob?signed");
    CHECK(sent[2].authorization.empty());
    CHECK_FALSE(sent[2].certificate);
    CHECK(sent[2].verify_tls);
  }
  for (const char* method : {"PUT", "POST", "PATCH", "DELETE"}) {
    FakeNet net(serve, with_password());
    CHECK(net.session->send(home(), pull, request(method)).status == 307);
    CHECK(net.transport.sent().size() == 2);
  }
}

TEST_CASE("a redirect that breaks begins at the registry again, which may name another place") {
  unsigned redirects = 0;
  FakeNet net(
      [&](const HttpRequest& asked) {
        if (asked.url == "https://cdn.local/2") return status(200);
        if (asked.url.starts_with("https://cdn.local/")) return broken(Failure::transient);
        return status(302, {{"location", {"https://cdn.local/" + std::to_string(++redirects)}}});
      },
      with_password());
  CHECK(net.session->send(home(), pull, request()).status == 200);
  CHECK(net.transport.sent().size() == 4);
}

TEST_CASE("redirects that lead nowhere are refused") {
  const auto to = [](const std::string& location) {
    return [location](const HttpRequest&) { return status(302, {{"location", {location}}}); };
  };
  FakeNet endless(to("/v2/a/manifests/1"));
  CHECK_ERROR(endless.session->send(home(), {}, request()), registry, "redirects more than 8 times");
  CHECK(endless.transport.sent().size() == 9);
  FakeNet plain(to("http://cdn.local/"));
  CHECK_ERROR(plain.session->send(home(), {}, request()), registry, "redirects from TLS to plain HTTP");
  FakeNet malformed(to("gopher://cdn.local/"));
  CHECK_ERROR(malformed.session->send(home(), {}, request()), registry, "gave a malformed address");
  FakeNet none([](const HttpRequest&) { return status(302); });
  CHECK(none.session->send(home(), {}, request()).status == 302);
}

TEST_CASE("a challenge is answered once, and again where a token has expired meanwhile") {
  const std::map<std::string, std::vector<std::string>> basic_challenge{{"www-authenticate", {"Basic realm=\"r\""}}};
  FakeNet refused([&](const HttpRequest&) { return status(401, basic_challenge); }, with_password());
  CHECK_ERROR(refused.session->send(home(), pull, request()), registry, "refused the credentials for r.local");
  CHECK(refused.transport.sent().size() == 2);
  CHECK_ERROR(refused.session->send(home(), pull, request()), registry, "refused the credentials for r.local");
  CHECK(refused.transport.sent().size() == 3);  // the password is not sent again

  FakeNet anonymous([&](const HttpRequest&) { return status(401, basic_challenge); });
  CHECK(anonymous.session->send(home(), pull, request()).status == 401);
  CHECK(anonymous.transport.sent().size() == 1);

  unsigned tokens = 0;
  FakeNet bearer([&](const HttpRequest& asked) {
    if (asked.url.starts_with("https://auth.local/")) {
      HttpAnswer answer = status(200);
      answer.body = R"({"token":"t)" + std::to_string(++tokens) + R"("})";
      return answer;
    }
    if (asked.authorization == Secret("Bearer t2")) return status(200);
    return status(401, {{"www-authenticate", {R"(Bearer realm="https://auth.local/token",service="s")"}}});
  });
  CHECK(bearer.session->send(home(), pull, request()).status == 200);
  CHECK(tokens == 2);
  CHECK(bearer.transport.sent().size() == 5);
  CHECK(bearer.session->send(home(), pull, request()).status == 200);  // with the token, from the first request on
  CHECK(bearer.transport.sent().size() == 6);
  for (const Sent& sent : bearer.transport.sent())
    if (sent.url.starts_with("https://auth.local/")) CHECK_FALSE(sent.certificate);
}

TEST_CASE("a token server that is down for a moment is asked again") {
  unsigned asked_for_token = 0;
  FakeNet net([&](const HttpRequest& asked) {
    if (asked.url.starts_with("https://auth.local/")) {
      if (++asked_for_token < 3) return status(503);
      HttpAnswer answer = status(200);
      answer.body = R"({"token":"t"})";
      return answer;
    }
    if (!asked.authorization.empty()) return status(200);
    return status(401, {{"www-authenticate", {R"(Bearer realm="https://auth.local/token",service="s")"}}});
  });
  CHECK(net.session->send(home(), pull, request()).status == 200);
  CHECK(asked_for_token == 3);
}

TEST_CASE("what is asked while a request is made may need the password that the request needs") {
  // As an upload that is refused in the middle: it first asks how far it got.
  FakeNet net(
      [](const HttpRequest& asked) {
        if (asked.authorization.empty()) return status(401, {{"www-authenticate", {"Basic realm=\"r\""}}});
        return status(200);
      },
      with_password());
  unsigned made = 0;
  const auto make = [&] {
    if (++made > 1) CHECK(net.session->send(home(), pull, request()).status == 200);
    return request("PUT")();
  };
  CHECK(net.session->send(home(), pull, make).status == 200);
}

TEST_CASE("a request that cannot be made keeps nobody else waiting for the password's trial") {
  FakeNet net(
      [](const HttpRequest& asked) {
        if (asked.authorization.empty()) return status(401, {{"www-authenticate", {"Basic realm=\"r\""}}});
        return status(200);
      },
      with_password());
  unsigned made = 0;
  const auto make = [&] {
    if (++made > 1) throw Error(ErrorCode::media, "the source is gone");
    return request()();
  };
  CHECK_ERROR(net.session->send(home(), pull, make), media, "the source is gone");
  CHECK(net.session->send(home(), pull, request()).status == 200);
}
