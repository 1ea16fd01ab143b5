// SPDX-License-Identifier: Apache-2.0
// The HTTP side of the test registry, on libmicrohttpd: the OCI distribution API, token and basic authentication, rules
// for misbehaviour, and a log of what clients sent (GET /_control/log).
#pragma once

#include <microhttpd.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "rules.hpp"
#include "store.hpp"

namespace test_registry {

struct Options {
  std::string auth = "none";  ///< none, basic, token
  std::string login = "user:password";
  bool anonymous_tokens = false;  ///< pulling needs a token, but no user
  unsigned token_lifetime = 300;  ///< seconds
  std::string realm;              ///< base URL of the token server; empty: this one
};

struct Request {
  MHD_Connection* connection;
  std::string method;
  std::string path;
  std::string body;
  std::string header(const char* name) const;
  std::string query(const char* name) const;
};

struct Answer {
  unsigned status = 200;
  std::map<std::string, std::string> headers;
  Bytes body;
};

class Server {
 public:
  explicit Server(Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  unsigned port() const;

 private:
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* data, std::size_t* size, void** context);
  static void on_completed(void* self, MHD_Connection* connection, void** context, MHD_RequestTerminationCode code);

  MHD_Result answer(const Request& request);
  Answer route(const Request& request);
  Answer control(const Request& request);
  Answer token(const Request& request);
  std::optional<Answer> refuse_unauthorized(const Request& request);
  Answer blob(const Request& request, const std::string& repository, const std::string& digest);
  Answer upload(const Request& request, const std::string& repository, const std::string& id);
  Answer manifest(const Request& request, const std::string& repository, const std::string& reference);
  void log(const Request& request, unsigned status);

  Options options_;
  Store store_;
  Rules rules_;
  std::mutex mutex_;
  Json log_ = Json::array();
  std::map<std::string, std::pair<std::string, std::int64_t>> tokens_;  // token to scopes and expiry
  unsigned next_token_ = 1;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace test_registry
