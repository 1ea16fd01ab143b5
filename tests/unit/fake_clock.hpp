// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <vector>

#include "airlock/base/clock.hpp"

namespace airlock::test {

/// Time that passes when somebody waits for it, and only then. Thread-safe.
class FakeClock final : public Clock {
 public:
  std::function<void()> while_asleep = [] {};  ///< what happens meanwhile

  Time now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void sleep_until(Time end) override {
    while_asleep();
    const std::lock_guard lock(mutex_);
    slept_.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(end - now_));
    now_ = std::max(now_, end);
  }
  void pass(std::chrono::milliseconds time) {
    const std::lock_guard lock(mutex_);
    now_ += time;
  }
  /// How long each wait was.
  std::vector<std::chrono::milliseconds> slept() const {
    const std::lock_guard lock(mutex_);
    return slept_;
  }

 private:
  mutable std::mutex mutex_;
  Time now_{};
  std::vector<std::chrono::milliseconds> slept_;
};

}  // namespace airlock::test
