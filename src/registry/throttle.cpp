// SPDX-License-Identifier: Apache-2.0
#include "registry/throttle.hpp"

#include <algorithm>

#include "airlock/base/interrupt.hpp"

namespace airlock::registry {

namespace {
constexpr std::chrono::milliseconds burst{500};
constexpr std::chrono::milliseconds look_up{100};  // how soon a user's interruption is seen
}  // namespace

void Throttle::enter() {
  std::unique_lock lock(mutex_);
  while (active_ >= static_cast<unsigned>(limit_) || Clock::now() < not_before_) {
    throw_if_interrupted();
    changed_.wait_for(lock, look_up);
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
  const auto now = Clock::now();
  not_before_ = std::max(not_before_, now + pause);
  if (now - reduced_ < burst) return std::nullopt;
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

}  // namespace airlock::registry
