// SPDX-License-Identifier: Apache-2.0
// Handles of libcurl: each keeps its connection, and all of a pool share what they need to make one.
#pragma once

#include <curl/curl.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/handle.hpp"

namespace airlock::registry {

using Easy = std::unique_ptr<CURL, Releaser<curl_easy_cleanup>>;

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (const CURLcode status = curl_easy_setopt(easy, option, value); status != CURLE_OK)
    throw Error(ErrorCode::internal, std::string("libcurl: ") + curl_easy_strerror(status));
}

/// Names that were looked up and, where libcurl can, TLS sessions: the second connection to a registry then needs no
/// look-up and half a handshake. Thread-safe.
///
/// Sessions are shared from libcurl 8.12 on, which keeps copies of them; what is kept by those before it is changed by
/// OpenSSL while another thread may read it (github.com/curl/curl/pull/14751). libcurl gives a session only to requests
/// with the same verification, authorities and certificate. Connections no libcurl shares between threads
/// (CURLSHOPT_SHARE(3)): they stay with their handles.
class Share {
 public:
  Share();
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  CURLSH* get() const { return handle_.get(); }

 private:
  static void lock(CURL* easy, curl_lock_data data, curl_lock_access access, void* context) noexcept;
  static void unlock(CURL* easy, curl_lock_data data, void* context) noexcept;
  template <typename Value>
  void set_option(CURLSHoption option, Value value);

  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;  // each kind of data has its own
  std::unique_ptr<CURLSH, Releaser<curl_share_cleanup>> handle_;
};

/// Handles that wait for their next request, by what they were used for. Thread-safe.
class HandlePool {
 public:
  Easy take(const std::string& use);
  void give_back(const std::string& use, Easy easy);

 private:
  Share share_;  // outlives the handles
  std::mutex mutex_;
  std::map<std::string, std::vector<Easy>> idle_;
};

}  // namespace airlock::registry
