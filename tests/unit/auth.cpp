// SPDX-License-Identifier: Apache-2.0
// Passwords are sent to where they belong, and a wrong one once.
#include "registry/auth.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "airlock/base/text.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::registry;

namespace {

CredentialStore store() {
  CredentialStore credentials;
  credentials.set("r.local", {"user", Secret("password"), {}});
  return credentials;
}

const Origin origin{"https", "r.local"};
const std::vector<Challenge> basic{{"basic", {{"realm", "x"}}}};
const std::vector<Challenge> bearer{{"bearer", {{"realm", "https://auth.local/token"}, {"service", "s"}}}};

Scopes scope(int number) { return {"repository:a" + std::to_string(number) + ":pull"}; }

/// Calls `work(i)` from many threads at once and counts those that ended with an Error.
int refusals(int threads, const std::function<void(int)>& work) {
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i)
      all.emplace_back([&, i] {
        try {
          work(i);
        } catch (const Error&) {
          ++refused;
        }
      });
  }
  return refused;
}

}  // namespace

TEST_CASE("a wrong password goes to the token server once, whatever the number of images") {
  std::atomic<int> asked{0};
  const auto credentials = store();
  Authenticator authenticator(
      credentials,
      [&](const HttpRequest& request) {
        CHECK(request.authorization == Secret("Basic " + base64_encode("user:password")));
        ++asked;
        HttpAnswer answer;
        answer.status = 401;
        return answer;
      },
      Side::source);
  CHECK(refusals(8, [&](int i) { authenticator.answer(origin, "r.local", scope(i), {}, bearer); }) == 8);
  CHECK(asked == 1);
  CHECK_ERROR(authenticator.answer(origin, "r.local", scope(9), {}, bearer), registry, "refused the credentials");
  CHECK(asked == 1);
}

TEST_CASE("a right password is used for all, and a failure in between decides nothing") {
  std::atomic<int> asked{0};
  const auto credentials = store();
  Authenticator authenticator(
      credentials,
      [&](const HttpRequest&) {
        HttpAnswer answer;
        answer.status = asked++ == 0 ? 503 : 200;
        answer.body = R"({"token":"t"})";
        return answer;
      },
      Side::source);
  CHECK_ERROR(authenticator.answer(origin, "r.local", scope(0), {}, bearer), registry, "HTTP 503");
  CHECK(refusals(8, [&](int i) {
          // Catch's macros are for one thread.
          if (authenticator.answer(origin, "r.local", scope(i), {}, bearer)->header != Secret("Bearer t"))
            throw Error(ErrorCode::registry, "another token");
        }) == 0);
  CHECK(asked == 9);
}

TEST_CASE("a wrong password for basic authentication is tried by one request, the others wait") {
  const auto credentials = store();
  Authenticator authenticator(credentials, nullptr, Side::source);
  std::atomic<int> sent{0};
  const int refused = refusals(8, [&](int i) {
    const auto offer = authenticator.answer(origin, "r.local", scope(i), {}, basic);
    ++sent;
    authenticator.settle(origin, "r.local", offer.value(), 401);
    if (!authenticator.answer(origin, "r.local", scope(i), offer->header, basic))
      throw Error(ErrorCode::registry, "401");
  });
  CHECK(refused == 8);
  CHECK(sent == 1);
  CHECK(authenticator.header(origin, "r.local", scope(0)).header.empty());
}

TEST_CASE("what is taken is sent with the first request from then on") {
  const auto credentials = store();
  Authenticator authenticator(credentials, nullptr, Side::source);
  auto offer = authenticator.answer(origin, "r.local", scope(0), {}, basic);
  REQUIRE(offer);
  authenticator.settle(origin, "r.local", *offer, 0);  // no answer: the next one tries it again
  offer = authenticator.answer(origin, "r.local", scope(0), {}, basic);
  REQUIRE(offer);
  CHECK(offer->trial);
  authenticator.settle(origin, "r.local", *offer, 404);
  CHECK(authenticator.header(origin, "r.local", scope(1)).header == Secret("Basic " + base64_encode("user:password")));
  CHECK(authenticator.header({"https", "other.local"}, "other.local", scope(1)).header.empty());
  CHECK_FALSE(authenticator.answer(origin, "r.local", scope(1), offer->header, basic));
}
