// SPDX-License-Identifier: Apache-2.0
// One registry request as the client means it: to the right place (mirrors), with the right credentials, following
// redirects without them, tried again where that can help.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "airlock/base/reporter.hpp"
#include "airlock/registry/client.hpp"
#include "registry/auth.hpp"
#include "registry/http.hpp"

namespace airlock::registry {

/// Where a registry is really asked, and how.
struct Endpoint {
  Origin origin;
  std::string prefix;       ///< of repositories, from a mirror
  std::string credentials;  ///< the host's name in credential files
  Reach reach = Reach::tls_verified;

  bool verify_tls() const { return reach == Reach::tls_verified; }
  std::string repository(const std::string& name) const { return prefix.empty() ? name : prefix + "/" + name; }
};

class Client::Session {
 public:
  static constexpr unsigned max_attempts = 7;        // about 16 seconds of waiting: a registry that is being restarted
  static constexpr unsigned max_first_attempts = 3;  // of a first contact, where a wrong address is the likelier reason

  Session(ClientOptions options, Reporter& reporter);

  /// The endpoint of a registry, found out by asking it at its first use.
  const Endpoint& endpoint(const std::string& registry);

  /// Builds the request for each attempt: bodies are read anew, ranges start where the last attempt stood.
  using MakeRequest = std::function<HttpRequest()>;
  /// A number that grows while an attempt gets on; attempts that got on do not count against the limit.
  using Progress = std::function<std::uint64_t()>;

  /// Sends until there is an answer that trying again would not change. Never returns one without a status.
  HttpAnswer send(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make,
                  const Progress& progress = nullptr, unsigned attempts = max_attempts);

  Side side() const { return options_.side; }

  /// An Error for an answer that is not what was hoped for, with the registry's own words.
  [[noreturn]] void refuse(const HttpAnswer& answer, const std::string& action) const;
  [[noreturn]] void refuse(const std::string& message, const std::string& hint = "") const;

 private:
  Endpoint find_endpoint(const std::string& registry);
  HttpAnswer send_once(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make);
  [[noreturn]] void refuse_unreachable(const Endpoint& endpoint, const HttpAnswer& answer) const;
  HttpAnswer perform_with_retries(const HttpRequest& request, bool verify_tls, unsigned attempts);
  void wait(unsigned attempt, const HttpAnswer& answer, const std::string& what);

  ClientOptions options_;
  Reporter& reporter_;
  HttpTransport transport_;
  Authenticator authenticator_;
  std::mutex endpoints_mutex_;
  std::map<std::string, Endpoint> endpoints_;
  std::map<std::string, Error> unreachable_;  // found out once, not once for each of many images
};

/// "MANIFEST_UNKNOWN: manifest unknown" from an error body (distribution-spec, "Error Codes"); empty when it has none.
std::string error_text(const std::string& body);

}  // namespace airlock::registry
