// SPDX-License-Identifier: Apache-2.0
// What tests of sessions have in common.
#pragma once

#include <cstdlib>
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "fake_transport.hpp"
#include "registry/session.hpp"
#include "temporary.hpp"

namespace airlock::test::sessions {

using namespace airlock::registry;
using namespace airlock::test;
using namespace std::chrono_literals;

using Failure = HttpAnswer::Failure;

inline Endpoint home() {
  Endpoint endpoint;
  endpoint.name = endpoint.credentials = "r.local";
  endpoint.origin = {"https", "r.local"};
  return endpoint;
}

inline const Scopes pull{"repository:a:pull"};

inline Client::Session::MakeRequest request(const std::string& method = "GET") {
  return [method] {
    HttpRequest made;
    made.method = method;
    made.url = "https://r.local/v2/a/manifests/1";
    return made;
  };
}

inline ClientOptions with_password() {
  ClientOptions options;
  options.credentials.set("r.local", {"user", Secret("password"), {}});
  return options;
}

inline const std::string basic = "Basic " + base64_encode("user:password");

/// The first `failures` calls get `failure`, the others 200.
inline FakeTransport::Serve fails(unsigned failures, const HttpAnswer& failure) {
  return [failures, failure, calls = 0U](const HttpRequest&) mutable {
    return calls++ < failures ? failure : status(200);
  };
}

}  // namespace airlock::test::sessions
