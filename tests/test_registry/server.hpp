// SPDX-License-Identifier: Apache-2.0
// The HTTP side of the test registry, on libmicrohttpd: rules for misbehaviour, distance, and a log of what clients
// sent (GET /_control/log). What is answered is api.hpp's.
#pragma once

#include <microhttpd.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "api.hpp"
#include "rules.hpp"

namespace test_registry {

/// How far away the server pretends to be.
struct Distance {
  unsigned delay_ms = 0;          ///< before each answer
  unsigned bytes_per_second = 0;  ///< of each connection (SO_MAX_PACING_RATE); 0: no limit
  bool no_log = false;            ///< for measurements
};

class Server {
 public:
  Server(Options options, Distance distance);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  unsigned port() const;

 private:
  struct Call;
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* data, std::size_t* size, void** context);
  static void on_completed(void* self, MHD_Connection* connection, void** context, MHD_RequestTerminationCode code);
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);

  MHD_Result take_body(Call& call, const char* data, std::size_t size);
  MHD_Result answer(Call& call);
  MHD_Result deliver(const Call& call, Answer answer);
  Answer control(const Request& request);
  /// Returns the place in the log; `status` null: not answered yet.
  std::size_t log(const Call& call, const Json& status);
  void log_status(const Call& call, std::size_t entry, unsigned status);

  Api api_;
  Distance distance_;
  Rules rules_;
  std::atomic<unsigned> active_{0};
  std::mutex mutex_;
  Json log_ = Json::array();
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace test_registry
