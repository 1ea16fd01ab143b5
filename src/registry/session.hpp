// SPDX-License-Identifier: Apache-2.0
// One registry request as the client means it: to the right place (mirrors), with the right credentials, following
// redirects without them, no more at a time than the registry bears, tried again where that can help.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "airlock/base/clock.hpp"
#include "airlock/base/reporter.hpp"
#include "airlock/registry/client.hpp"
#include "registry/answer_text.hpp"
#include "registry/auth.hpp"
#include "registry/http.hpp"
#include "registry/throttle.hpp"
#include "registry/upload_ledger.hpp"

namespace airlock::registry {

/// Where a registry is really asked, and how.
struct Endpoint {
  std::string name;  ///< of the registry, as images have it
  Origin origin;
  std::optional<oci::Repository> prefix;  ///< of repositories, from a mirror
  std::string credentials;                ///< the host's name in credential files
  Reach reach = Reach::tls_verified;
  std::chrono::microseconds distance{};  ///< how long it took to answer the smallest of requests

  bool verify_tls() const { return reach == Reach::tls_verified; }
  oci::Repository repository(const oci::Repository& path) const { return oci::below(prefix, path); }
};

class Client::Session {
 public:
  static constexpr unsigned max_attempts = 7;        // about 16 seconds of waiting: a registry that is being restarted
  static constexpr unsigned max_first_attempts = 4;  // of a first contact, where a wrong address is the likelier reason

  Session(ClientOptions options, Reporter& reporter);
  Session(ClientOptions options, Reporter& reporter, std::unique_ptr<Transport> transport, Clock& clock);

  /// The endpoint of a registry, found out by asking it at its first use. Several can be found out at the same time.
  const Endpoint& endpoint(const oci::Registry& registry);

  /// Where a file of the web is asked for, and under which address: a mirror takes the place of its host.
  std::pair<Endpoint, std::string> web_endpoint(const std::string& url) const;

  /// Builds the request for each attempt: bodies are read anew, ranges start where the last attempt stood.
  using MakeRequest = std::function<HttpRequest()>;
  /// A number that grows while an attempt gets on; attempts that got on do not count against the limit.
  using Progress = std::function<std::uint64_t()>;

  /// Sends until there is an answer that trying again would not change. Never returns one without a status.
  HttpAnswer send(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make,
                  const Progress& progress = nullptr, unsigned attempts = max_attempts);

  Side side() const { return options_.side; }
  /// As which side a registry is treated that is only read.
  Side asked_as() const { return options_.only_reads ? Side::source : options_.side; }
  Reporter& reporter() { return reporter_; }
  UploadLedger& upload_ledger() { return upload_ledger_; }
  Statistics statistics() const { return {requests_, retries_}; }
  std::optional<RateLimit> rate_limit(const std::string& registry) const;

  /// The same warning is shown once.
  void warn_once(const std::string& warning);

  /// Waits as between two attempts. For answers that only the caller knows to be worth another one.
  void wait(unsigned attempt, const HttpAnswer& answer, const std::string& what);

  /// Whether this endpoint has refused to give a part of a blob: then wholes are asked for.
  bool refuses_ranges(const Endpoint& endpoint) const;
  void note_refused_range(const Endpoint& endpoint);

  /// The size of the pieces in which an endpoint takes uploads, once it has refused them whole; 0 before that.
  std::uint64_t chunk_size(const Endpoint& endpoint) const;
  void limit_chunk_size(const Endpoint& endpoint, std::uint64_t bytes);

  /// An Error for an answer that is not what was hoped for, with the registry's own words.
  [[noreturn]] void refuse(const HttpAnswer& answer, const std::string& action) const;
  [[noreturn]] void refuse(const std::string& message, const std::string& hint = "") const;

 private:
  struct EndpointPlace {
    std::mutex mutex;  // held while the registry is asked
    std::optional<Endpoint> endpoint;
    std::optional<Error> unreachable;  // found out once, not once for each of many images
  };
  Endpoint find_endpoint(const oci::Registry& registry);
  HttpAnswer try_ways(Endpoint& endpoint, const std::vector<Reach>& ways);
  std::vector<Reach> ways_to(const std::string& host, const Mirror* mirror) const;
  [[noreturn]] void refuse_unreachable(const Endpoint& endpoint, const HttpAnswer& answer) const;

  HttpAnswer exchange(const HttpRequest& request, bool verify_tls);
  struct Refusal {
    Secret sent;                          // that did not suffice
    std::vector<std::string> challenges;  // WWW-Authenticate
  };
  std::optional<Authenticator::Offer> authorize(const Endpoint& endpoint, const Scopes& scopes,
                                                const std::optional<Refusal>& refusal);
  HttpAnswer exchange_with(const Authenticator::Offer& offer, const Endpoint& endpoint, HttpRequest& request,
                           bool verify_tls);
  HttpAnswer send_once(const Endpoint& endpoint, const Scopes& scopes, const MakeRequest& make);
  HttpAnswer perform_with_retries(const HttpRequest& request, bool verify_tls, unsigned attempts);
  /// The same, following redirects: with all that is in the request on its own origin, elsewhere where it has no
  /// credentials.
  HttpAnswer perform_following(HttpRequest request, bool verify_tls, unsigned attempts);
  /// Adds to a final answer what helps against it, where that depends on who was asked and with what.
  void explain(const Endpoint& endpoint, const Scopes& scopes, bool had_credentials, HttpAnswer& answer) const;
  Throttle& throttle_of(const Origin& origin);
  void show_once(const std::string& warning);
  void listen(const Endpoint& endpoint, const HttpAnswer& answer);

  ClientOptions options_;
  Reporter& reporter_;
  std::unique_ptr<Transport> transport_;
  Clock& clock_;
  Authenticator authenticator_;
  UploadLedger upload_ledger_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> retries_{0};
  mutable std::mutex mutex_;  // guards what follows, not what the places hold
  std::map<std::string, std::unique_ptr<EndpointPlace>> endpoints_;
  std::map<Origin, std::unique_ptr<Throttle>> throttles_;
  std::map<Origin, std::uint64_t> chunk_sizes_;
  std::set<Origin> without_ranges_;
  std::map<std::string, RateLimit> rate_limits_;
  std::set<std::string> warnings_;  // shown already
};

/// Whether another try may help.
bool worth_retrying(const HttpAnswer& answer);

}  // namespace airlock::registry
