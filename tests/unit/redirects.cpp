// SPDX-License-Identifier: Apache-2.0
// Where redirects and challenges lead a session.
#include "session_parts.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;
using namespace std::chrono_literals;
using namespace airlock::test::sessions;

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
