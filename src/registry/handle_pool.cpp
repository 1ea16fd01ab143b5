// SPDX-License-Identifier: Apache-2.0
#include "registry/handle_pool.hpp"

#include <utility>

namespace airlock::registry {

namespace {

constexpr unsigned copies_sessions = 0x080c00;  // libcurl 8.12.0

CURLSH* new_share() {
  static const CURLcode status = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (status != CURLE_OK) throw Error(ErrorCode::internal, "libcurl does not start");
  CURLSH* share = curl_share_init();
  if (share == nullptr) throw Error(ErrorCode::internal, "libcurl gives no share");
  return share;
}

}  // namespace

Share::Share() : handle_(new_share()) {
  set_option(CURLSHOPT_LOCKFUNC, &Share::lock);
  set_option(CURLSHOPT_UNLOCKFUNC, &Share::unlock);
  set_option(CURLSHOPT_USERDATA, static_cast<void*>(this));
  set_option(CURLSHOPT_SHARE, static_cast<int>(CURL_LOCK_DATA_DNS));
  // Of the library that runs, not of the headers.
  if (curl_version_info(CURLVERSION_NOW)->version_num >= copies_sessions)
    set_option(CURLSHOPT_SHARE, static_cast<int>(CURL_LOCK_DATA_SSL_SESSION));
}

template <typename Value>
void Share::set_option(CURLSHoption option, Value value) {
  if (const CURLSHcode status = curl_share_setopt(handle_.get(), option, value); status != CURLSHE_OK)
    throw Error(ErrorCode::internal, std::string("libcurl: ") + curl_share_strerror(status));
}

void Share::lock(CURL* /*easy*/, curl_lock_data data, curl_lock_access /*access*/, void* context) noexcept {
  static_cast<Share*>(context)->mutexes_.at(data).lock();
}

void Share::unlock(CURL* /*easy*/, curl_lock_data data, void* context) noexcept {
  static_cast<Share*>(context)->mutexes_.at(data).unlock();
}

Easy HandlePool::take(const std::string& use) {
  {
    const std::lock_guard lock(mutex_);
    if (auto& handles = idle_[use]; !handles.empty()) {
      Easy easy = std::move(handles.back());  // the last one used is the least likely to have been closed
      handles.pop_back();
      return easy;
    }
  }
  Easy easy(curl_easy_init());
  if (!easy) throw Error(ErrorCode::internal, "libcurl gives no handle");
  set(easy.get(), CURLOPT_SHARE, share_.get());  // curl_easy_reset() leaves it
  return easy;
}

void HandlePool::give_back(const std::string& use, Easy easy) {
  const std::lock_guard lock(mutex_);
  idle_[use].push_back(std::move(easy));
}

}  // namespace airlock::registry
