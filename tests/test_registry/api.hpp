// SPDX-License-Identifier: Apache-2.0
// What the test registry answers when no rule interferes: the OCI distribution API, basic and token authentication.
#pragma once

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "store.hpp"

namespace test_registry {

using Json = nlohmann::json;

struct Options {
  std::string auth = "none";  ///< none, basic, token
  std::string login = "user:password";
  std::string identity_token;     ///< what OAuth2 takes for a refresh token
  bool anonymous_tokens = false;  ///< pulling needs a token, but no user
  unsigned token_lifetime = 300;  ///< seconds
  std::string realm;              ///< base URL of the token server; empty: this one
  std::size_t max_body = 0;       ///< requests with more bytes are refused (413); 0: none
  bool chunks_only = false;       ///< an upload in one piece is refused (405)
  std::size_t chunk_min = 0;      ///< OCI-Chunk-Min-Length, enforced
  bool referrers = false;         ///< has the referrers API, one referrer on each page
  bool absolute_locations = false;
};

struct Request {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  Json rule;  ///< what was made of it already
  std::string header(const std::string& name) const;
  std::string parameter(const std::string& name) const;
};

struct Answer {
  unsigned status = 200;
  std::map<std::string, std::string> headers;
  Bytes body;
};

Bytes text(std::string content);

class Api {
 public:
  Api(Options options) : options_(std::move(options)) {}

  Answer answer(const Request& request);
  /// Keeps what arrived of an upload that broke.
  void keep_upload(const Request& request);
  std::size_t open_uploads() const { return store_.open_uploads(); }
  void forget_tokens();
  void set_port(unsigned port) { own_url_ = "http://127.0.0.1:" + std::to_string(port); }

 private:
  Answer token(const Request& request);
  std::optional<Answer> refuse_unauthorized(const Request& request);
  Answer blob(const std::string& repository, const std::string& digest);
  Answer upload(const Request& request, const std::string& repository, const std::string& id);
  Answer continue_upload(const Request& request, const std::string& repository, const std::string& id,
                         std::size_t before);
  Answer manifest(const Request& request, const std::string& repository, const std::string& reference);
  Answer referrers(const Request& request, const std::string& repository, const std::string& digest);
  std::string upload_location(const std::string& repository, const std::string& id) const;

  Options options_;
  std::string own_url_;
  Store store_;
  std::mutex mutex_;
  std::map<std::string, std::pair<std::string, std::int64_t>> tokens_;  // token to scopes and expiry
  unsigned next_token_ = 1;
};

}  // namespace test_registry
