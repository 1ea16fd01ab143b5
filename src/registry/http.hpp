// SPDX-License-Identifier: Apache-2.0
// HTTP over libcurl: one request, one answer. Retries, redirects and authentication are decided by the caller, because
// they depend on what the request means. No other file includes libcurl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::registry {

/// Where a request goes: credentials belong to an origin, never to anything else.
struct Origin {
  std::string scheme;  ///< "https" or "http"
  std::string host;    ///< with port; without one the scheme's own is meant
  std::string str() const { return scheme + "://" + host; }
  auto operator<=>(const Origin&) const = default;
};

/// The origin of an absolute URL; nothing when it is no http(s) URL with a host.
std::optional<Origin> origin_of(const std::string& text);

/// `location` as a header of the answer to `base` gives it: absolute, or relative to `base` (RFC 3986, section 5).
std::string resolve_url(const std::string& base, const std::string& location);

/// Percent-encodes a value for a query string.
std::string url_encode(std::string_view text);

/// Reads a body piece by piece: fills at most `size` bytes and returns how many; 0 is the end.
using BodySource = std::function<std::size_t(char* into, std::size_t size)>;
/// Takes the body of a successful answer piece by piece.
using BodySink = std::function<void(std::string_view)>;

struct HttpAnswer;

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string authorization;         ///< value of the Authorization header; never logged
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
    transient,  ///< worth another try: could not connect, broke off, stalled
    handshake,  ///< the same, during the TLS handshake
    tls,        ///< the certificate or the handshake; trying again does not help
    not_tls,    ///< the other side does not speak TLS
    permanent   ///< anything else that trying again does not help
  };
  Failure failure = Failure::none;
  std::string failure_text;

  bool ok() const { return status >= 200 && status < 300; }
  /// The first value of a header, or empty.
  std::string header(const std::string& lower_case_name) const;
};

/// Trust anchors and client identity; the same for all requests of one transport.
struct TlsOptions {
  std::filesystem::path ca_file;
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
};

/// Performs requests and keeps connections. Thread-safe: each request in flight has a handle of its own.
class HttpTransport {
 public:
  HttpTransport(TlsOptions tls, std::string user_agent);
  ~HttpTransport();
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  /// `verify_tls` false accepts any certificate: only for hosts that the user named as insecure.
  /// Exceptions of the sink and the source pass through; an interruption by the user is an Error.
  HttpAnswer perform(const HttpRequest& request, bool verify_tls);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
  TlsOptions tls_;
  std::string user_agent_;
};

}  // namespace airlock::registry
