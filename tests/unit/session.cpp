// SPDX-License-Identifier: Apache-2.0
// What is tried again and how often, where redirects lead, and what is answered to a challenge.
#include "registry/session.hpp"

#include <cstdlib>

#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "fake_transport.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;
using namespace std::chrono_literals;

namespace {

using Failure = HttpAnswer::Failure;

Endpoint home() {
  Endpoint endpoint;
  endpoint.name = endpoint.credentials = "r.local";
  endpoint.origin = {"https", "r.local"};
  return endpoint;
}

const Scopes pull{"repository:a:pull"};

Client::Session::MakeRequest request(const std::string& method = "GET") {
  return [method] {
    HttpRequest made;
    made.method = method;
    made.url = "https://r.local/v2/a/manifests/1";
    return made;
  };
}

ClientOptions with_password() {
  ClientOptions options;
  options.credentials.set("r.local", {"user", Secret("password"), {}});
  return options;
}

const std::string basic = "Basic " + base64_encode("user:password");

/// The first `failures` calls get `failure`, the others 200.
FakeTransport::Serve fails(unsigned failures, const HttpAnswer& failure) {
  return [failures, failure, calls = 0U](const HttpRequest&) mutable {
    return calls++ < failures ? failure : status(200);
  };
}

}  // namespace

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

TEST_CASE("a registry is reached over TLS, and otherwise only where the user allowed it") {
  const auto serve = [](Failure over_tls, long plain) {
    return
        [=](const HttpRequest& asked) { return asked.url.starts_with("https://") ? broken(over_tls) : status(plain); };
  };
  ClientOptions insecure;
  insecure.insecure_hosts = {"R.local:5000"};
  const auto registry = oci::Registry::parse("r.local:5000");
  FakeNet strict(serve(Failure::not_tls, 200));
  CHECK_ERROR(strict.session->endpoint(registry), registry, "cannot reach https://r.local:5000");
  CHECK_ERROR(strict.session->endpoint(registry), registry, "cannot reach https://r.local:5000");
  CHECK(strict.transport.sent().size() == 1);  // found out once

  FakeNet plain(serve(Failure::not_tls, 200), insecure);
  CHECK(plain.session->endpoint(registry).reach == Reach::plain_http);
  CHECK(plain.transport.sent().size() == 2);

  FakeNet self_signed(
      [calls = 0](const HttpRequest&) mutable { return calls++ == 0 ? broken(Failure::tls) : status(401); }, insecure);
  CHECK(self_signed.session->endpoint(registry).reach == Reach::tls_unverified);
  CHECK_FALSE(self_signed.transport.sent().back().verify_tls);

  FakeNet web([](const HttpRequest&) { return status(404); });
  CHECK_ERROR(web.session->endpoint(registry), registry, "does not answer as a registry");

  FakeNet hub([](const HttpRequest&) { return status(401); });
  CHECK(hub.session->endpoint(oci::Registry::parse("docker.io")).origin.host == "registry-1.docker.io");
}

TEST_CASE("what writes is redirected on its own origin, by 307 and 308 only, with method, content and credentials") {
  for (const long number : {301, 302, 303, 307, 308})
    for (const char* method : {"PUT", "POST", "PATCH", "DELETE"})
      for (const char* location : {"/moved?x=1", "https://R.local:443/moved?x=1", "http://r.local/moved?x=1"}) {
        FakeNet net(
            [&](const HttpRequest& asked) {
              if (asked.authorization.empty()) return status(401, {{"www-authenticate", {"Basic realm=\"r\""}}});
              if (asked.url.ends_with("/moved?x=1")) return status(201);
              return status(number, {{"location", {location}}});
            },
            with_password());
        CAPTURE(number, method, location);
        const bool followed = number == 307 || number == 308;
        CHECK(net.session->send(home(), pull, request(method)).status == (followed ? 201 : number));
        const auto sent = net.transport.sent();
        REQUIRE(sent.size() == (followed ? 3 : 2));
        CHECK(sent.back().method == method);
        CHECK(sent.back().authorization == basic);
        CHECK(sent.back().url.starts_with("https://"));
      }
}

TEST_CASE("a redirect that is not followed says where it points, without what may be secret") {
  HttpAnswer answer = status(308, {{"location", {"https://cdn.local/x?sig=hunter2"}}});
  CHECK(describe(answer) == "HTTP 308 to https://cdn.local/x");
  answer = status(403);
  answer.asked = "https://cdn.local";
  answer.redirected = true;
  answer.body = "<?xml version=\"1.0\"?><Error><Code>x</Code><Message>Request has expired</Message></Error>";
  CHECK(describe(answer) == "HTTP 403 from https://cdn.local, Request has expired");
  answer = status(400);
  answer.body = "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>";
  CHECK(describe(answer) == "HTTP 400, 400 No required SSL certificate was sent");
  for (const char* odd : {"<title>", "<title></title>", "<", "<html></html>"}) {
    answer.body = odd;
    CHECK(describe(answer) == "HTTP 400");
  }
}

TEST_CASE("the host that really failed is named") {
  FakeNet net([](const HttpRequest& asked) {
    if (asked.url.starts_with("https://cdn.local/")) return broken(Failure::permanent);
    return status(307, {{"location", {"https://cdn.local/x"}}});
  });
  CHECK_ERROR(net.session->send(home(), pull, request()), registry,
              "cannot reach https://cdn.local, where https://r.local sends for it: it broke");
}

TEST_CASE("/v2/ is asked where it is redirected to, and its challenge is remembered where it is the registry's own") {
  const auto registry = oci::Registry::parse("r.local");
  for (const long number : {301, 302, 307, 308})
    for (const char* location : {"/moved", "https://r.local/moved", "http://r.local/moved", "https://other.local/"}) {
      CAPTURE(number, location);
      const bool own = std::string(location).find("other") == std::string::npos;
      FakeNet net(
          [&](const HttpRequest& asked) {
            if (asked.url == "https://r.local/v2/") return status(number, {{"location", {location}}});
            if (asked.url.ends_with("/moved") || asked.url == "https://other.local/")
              return status(401, {{"www-authenticate", {"Basic realm=\"r\""}}});
            return status(404);
          },
          with_password());
      const Endpoint& endpoint = net.session->endpoint(registry);
      CHECK(endpoint.origin == Origin{"https", "r.local"});
      net.session->send(endpoint, pull, request());
      CHECK(net.transport.sent().back().authorization == (own ? basic : ""));
      for (const Sent& sent : net.transport.sent())
        if (sent.url.find("other") != std::string::npos) CHECK_FALSE(sent.certificate);
    }
  FakeNet endless([](const HttpRequest&) { return status(302, {{"location", {"/v2/"}}}); });
  CHECK_ERROR(endless.session->endpoint(registry), registry, "HTTP 302 to /v2/");
}

TEST_CASE("a token server may move, and keeps the password only at its own origin") {
  for (const char* location : {"/moved", "https://other.local/moved"}) {
    CAPTURE(location);
    const bool own = location[0] == '/';
    FakeNet net(
        [&](const HttpRequest& asked) {
          HttpAnswer token = status(200);
          token.body = R"({"token":"t"})";
          if (asked.url.ends_with("/moved")) return token;
          if (asked.url.starts_with("https://auth.local/")) return status(307, {{"location", {location}}});
          if (asked.authorization == Secret("Bearer t")) return status(200);
          return status(401, {{"www-authenticate", {R"(Bearer realm="https://auth.local/token")"}}});
        },
        with_password());
    if (own)
      CHECK(net.session->send(home(), pull, request()).status == 200);
    else
      CHECK_ERROR(net.session->send(home(), pull, request()), registry, "HTTP 307 to https://other.local/moved");
    for (const Sent& sent : net.transport.sent())
      if (sent.url.starts_with("https://other.local/")) CHECK(sent.authorization.empty());
  }
}

TEST_CASE("a refusal with 403 may carry a challenge") {
  FakeNet net(
      [](const HttpRequest& asked) {
        return asked.authorization.empty() ? status(403, {{"www-authenticate", {"Basic realm=\"r\""}}}) : status(200);
      },
      with_password());
  CHECK(net.session->send(home(), pull, request()).status == 200);
  FakeNet denied(
      [](const HttpRequest&) {
        return status(403, {{"www-authenticate", {"Basic realm=\"r\""}}});
      },
      with_password());
  CHECK(denied.session->send(home(), pull, request()).status == 403);
  CHECK(denied.transport.sent().size() == 2);
}

TEST_CASE("a repository's own credentials are sent for it, and others to none of it") {
  const TemporaryDirectory directory;
  ::setenv("DOCKER_CONFIG", directory.path().c_str(), 1);
  ::unsetenv("REGISTRY_AUTH_FILE");
  write_new_file(directory.path() / "config.json", R"({"auths":{"r.local/a":{"auth":")" +
                                                       base64_encode("user:password") + R"("},"r.local/b":{"auth":")" +
                                                       base64_encode("b:b") + "\"}}}");
  ClientOptions options;
  options.credentials = CredentialStore::from_environment();
  ::unsetenv("DOCKER_CONFIG");
  FakeNet net(
      [](const HttpRequest& asked) {
        return asked.authorization.empty() ? status(401, {{"www-authenticate", {"Basic realm=\"r\""}}}) : status(200);
      },
      options);
  CHECK(net.session->send(home(), {"repository:a:pull"}, request()).status == 200);
  CHECK(net.transport.sent().back().authorization == basic);
  CHECK(net.session->send(home(), {"repository:b/c:pull"}, request()).status == 200);
  CHECK(net.transport.sent().back().authorization == "Basic " + base64_encode("b:b"));
  const auto refused = net.session->send(home(), {"repository:c:pull"}, request());
  CHECK(refused.status == 401);
  CHECK_THAT(refused.advice, ContainsSubstring("there are no credentials for r.local"));
}
