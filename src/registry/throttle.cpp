// SPDX-License-Identifier: Apache-2.0
#include "registry/throttle.hpp"

#include <algorithm>

namespace airlock::registry {

namespace {
constexpr std::chrono::milliseconds burst{500};
}  // namespace

void Throttle::enter() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (const auto end = not_before_; clock_.now() < end) {
      lock.unlock();
      clock_.sleep_until(end);
      lock.lock();
    } else if (active_ >= static_cast<unsigned>(limit_)) {
      changed_.wait(lock);
    } else {
      break;
    }
  }
  ++active_;
}

void Throttle::leave() {
  const std::lock_guard lock(mutex_);
  --active_;
  changed_.notify_one();
}

std::optional<unsigned> Throttle::overloaded(std::chrono::milliseconds pause) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  not_before_ = std::max(not_before_, now + pause);
  if (reduced_ && now - *reduced_ < burst) return std::nullopt;
  reduced_ = now;
  limit_ = std::max(1U, active_ / 2);
  return static_cast<unsigned>(limit_);
}

void Throttle::succeeded() {
  const std::lock_guard lock(mutex_);
  if (limit_ >= most) return;
  limit_ = std::min(most, limit_ + 1 / limit_);
  changed_.notify_one();
}

unsigned Throttle::limit() const {
  const std::lock_guard lock(mutex_);
  return static_cast<unsigned>(limit_);
}

std::size_t Throttle::waiting() const {
  const std::lock_guard lock(mutex_);
  return changed_.waiting();
}

}  // namespace airlock::registry
