// SPDX-License-Identifier: Apache-2.0
// A token server in memory, and what is asked of it.
#pragma once

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

namespace airlock::test::tokens {

using namespace airlock::registry;
using namespace std::chrono_literals;

inline HttpAnswer answer_with(std::string body) {
  HttpAnswer answer;
  answer.status = 200;
  answer.body = std::move(body);
  return answer;
}

inline const Origin origin{"https", "r.local"};
inline const std::string host = "r.local";
inline const Scopes pull{"repository:a:pull"};
inline const Scopes push{"repository:a:pull,push"};
inline const std::string basic_pair = "Basic " + base64_encode("user:password");

inline std::vector<Challenge> bearer(const std::string& realm = "https://auth.local/token") {
  return {{"bearer", {{"realm", realm}, {"service", "the registry"}}}};
}

inline CredentialStore password() {
  CredentialStore credentials;
  credentials.set(host, {"user", Secret("password"), {}});
  return credentials;
}

inline CredentialStore identity() {
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

}  // namespace airlock::test::tokens
