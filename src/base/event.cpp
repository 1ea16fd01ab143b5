// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/event.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"

namespace airlock {

Event::Event() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_)
    throw Error(ErrorCode::internal, "the system gives no descriptor to wait with")
        .hint("allow more open files (ulimit -n), or take fewer --jobs");
}

void Event::set() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(fd_.get(), &one, sizeof one);
}

void Event::clear() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto ignored = ::read(fd_.get(), &count, sizeof count);
}

bool Condition::wait(std::unique_lock<std::mutex>& lock, std::optional<std::chrono::milliseconds> limit) {
  thread_local const Event woken;  // a thread waits for one thing at a time
  woken.clear();
  waiting_.push_back(&woken);
  lock.unlock();
  try {
    if (limit)
      wait_until_readable(woken.fd(), *limit);
    else
      wait_until_readable(woken.fd());
  } catch (...) {
    lock.lock();
    if (std::erase(waiting_, &woken) == 0) notify_one();  // it was this one's turn, and another may take it
    throw;
  }
  lock.lock();
  return std::erase(waiting_, &woken) == 0;  // it stays where nobody notified it: late, or poll(2) failed
}

void Condition::wait(std::unique_lock<std::mutex>& lock) { wait(lock, std::nullopt); }

bool Condition::wait_for(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit) {
  return wait(lock, std::optional(limit));
}

void Condition::notify_one() noexcept {
  if (waiting_.empty()) return;
  waiting_.front()->set();
  waiting_.pop_front();
}

void Condition::notify_all() noexcept {
  while (!waiting_.empty()) notify_one();
}

}  // namespace airlock
