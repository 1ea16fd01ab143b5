// SPDX-License-Identifier: Apache-2.0
// A network in memory: what is asked is noted, and answered by the test.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "fake_clock.hpp"
#include "registry/session.hpp"

namespace airlock::test {

/// A request as it was sent.
struct Sent {
  std::string method;
  std::string url;
  std::string authorization;
  std::vector<std::string> headers;
  bool certificate = false;
  bool verify_tls = false;
};

inline registry::HttpAnswer status(long number, std::map<std::string, std::vector<std::string>> headers = {}) {
  registry::HttpAnswer answer;
  answer.status = number;
  answer.headers = std::move(headers);
  return answer;
}

inline registry::HttpAnswer broken(registry::HttpAnswer::Failure failure) {
  registry::HttpAnswer answer;
  answer.failure = failure;
  answer.failure_text = "it broke";
  return answer;
}

/// Thread-safe, and `serve` is called by one thread at a time.
class FakeTransport final : public registry::Transport {
 public:
  using Serve = std::function<registry::HttpAnswer(const registry::HttpRequest&)>;
  explicit FakeTransport(Serve serve) : serve_(std::move(serve)) {}

  registry::HttpAnswer perform(const registry::HttpRequest& request, bool verify_tls) override {
    const std::lock_guard lock(mutex_);
    sent_.push_back({request.method, request.url, std::string(request.authorization.view()), request.headers,
                     request.present_certificate, verify_tls});
    return serve_(request);
  }
  std::vector<Sent> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  Serve serve_;
  mutable std::mutex mutex_;
  std::vector<Sent> sent_;
};

/// A session whose network and time are the test's.
struct FakeNet {
  explicit FakeNet(FakeTransport::Serve serve, registry::ClientOptions options = {})
      : owned(std::make_unique<FakeTransport>(std::move(serve))), transport(*owned) {
    options.side = Side::source;
    session = std::make_unique<registry::Client::Session>(std::move(options), reporter, std::move(owned), clock);
  }

  std::unique_ptr<FakeTransport> owned;
  FakeTransport& transport;
  FakeClock clock;
  Reporter reporter{{ReporterOptions::Form::plain, true, false}};
  std::unique_ptr<registry::Client::Session> session;
};

}  // namespace airlock::test
