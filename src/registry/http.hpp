// SPDX-License-Identifier: Apache-2.0
// HTTP over libcurl: one request, one answer. Retries, redirects and authentication are decided by the caller, because
// they depend on what the request means.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/secret.hpp"
#include "registry/trust_anchors.hpp"
#include "registry/url.hpp"

namespace airlock::registry {

/// Reads a body piece by piece: fills at most `size` bytes and returns how many; 0 is the end.
using BodySource = std::function<std::size_t(char* into, std::size_t size)>;
/// Takes the body of a successful answer piece by piece. False: it has all that it wants, and the rest is not read.
using BodySink = std::function<bool(std::string_view)>;

struct HttpAnswer;

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  Secret authorization;              ///< value of the Authorization header; never logged
  bool present_certificate = false;  ///< show the client certificate: only to the registry that it is for
  BodySource body;                   ///< for PUT and POST with content
  std::uint64_t body_size = 0;
  std::string body_text;  ///< the same for small bodies
  BodySink sink;          ///< for bodies of 2xx answers; without it they are kept in HttpAnswer::body
  std::function<void(const HttpAnswer&)> before_sink;  ///< called once, with status and headers, before the sink
  std::size_t max_body = 4U << 20;                     ///< a longer kept body is a failure
};

struct HttpAnswer {
  /// 0: no answer came; see `failure`.
  long status = 0;
  std::map<std::string, std::vector<std::string>> headers;  ///< names in lower case
  std::string body;

  enum class Failure {
    none,
    transient,  ///< worth another try: could not connect, broke off
    stalled,    ///< the same, after it stood still or all but
    handshake,  ///< the same, during the TLS handshake
    tls,        ///< the certificate or the handshake; trying again does not help
    not_tls,    ///< the other side does not speak TLS
    permanent   ///< anything else that trying again does not help
  };
  Failure failure = Failure::none;
  std::string failure_text;
  std::optional<std::chrono::seconds> retry_after;  ///< the header of that name, a date counted from now
  std::string asked;                                ///< the origin that this is the answer of, as text
  bool redirected = false;                          ///< that is not the registry, but where it sent to
  std::string advice;                  ///< what helps against this failure, where its cause tells; else empty
  std::chrono::microseconds waited{};  ///< from the end of the request to the first byte of the answer

  bool ok() const { return status >= 200 && status < 300; }
  /// The first value of a header, or empty.
  std::string header(const std::string& lower_case_name) const;
};

/// What is the same for all requests of one transport: trust anchors, client identity, patience.
struct TransportOptions {
  std::filesystem::path ca_file;
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
  /// A transfer that moves less than 1 KiB/s for so long is dropped.
  std::chrono::seconds stall_timeout{60};
  std::string user_agent;
  TrustEnvironment environment{};  ///< counts where there is no ca_file
};

/// Performs requests, one at a time for each thread that asks. Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;
  /// `verify_tls` false accepts any certificate: only for hosts that the user named as insecure.
  /// Exceptions of the sink and the source pass through; an interruption by the user is an Error.
  virtual HttpAnswer perform(const HttpRequest& request, bool verify_tls) = 0;
};

/// The one over the network. Keeps connections: each request in flight has a handle of its own.
class HttpTransport final : public Transport {
 public:
  explicit HttpTransport(TransportOptions options);
  ~HttpTransport() override;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  HttpAnswer perform(const HttpRequest& request, bool verify_tls) override;

 private:
  struct Pool;
  TransportOptions options_;
  TrustAnchors anchors_;
  std::unique_ptr<Pool> pool_;  // its connections use the anchors
};

}  // namespace airlock::registry
