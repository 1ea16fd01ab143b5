// SPDX-License-Identifier: Apache-2.0
// How many requests one origin gets at a time. A registry that says "too many" (429) or "not now" (503) is asked by
// half as many at once and, where it named a time, by nobody before; each success after that allows a little more
// again: additive increase, multiplicative decrease, as TCP does it.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "airlock/base/clock.hpp"
#include "airlock/base/event.hpp"

namespace airlock::registry {

/// Thread-safe.
class Throttle {
 public:
  static constexpr double most = 64;  ///< no registry is asked by more at once: --jobs goes no further

  explicit Throttle(Clock& clock = steady_clock()) : clock_(clock) {}

  /// Holds one of the places for as long as it lives.
  class Place {
   public:
    /// Waits until there is one; an Error (code `interrupted`) when the user stops the run meanwhile.
    explicit Place(Throttle& throttle) : throttle_(throttle) { throttle_.enter(); }
    ~Place() { throttle_.leave(); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Throttle& throttle_;
  };

  /// REQUIRES: a Place is held. Returns the new number of places; nothing when others said the same a moment ago:
  /// requests that were under way together are one burst, and reduce the number once.
  std::optional<unsigned> overloaded(std::chrono::milliseconds pause);
  void succeeded();
  unsigned limit() const;
  /// How many wait for a place.
  std::size_t waiting() const;

 private:
  void enter();
  void leave();

  Clock& clock_;
  mutable std::mutex mutex_;  // guards what follows
  Condition changed_;
  double limit_ = most;
  unsigned active_ = 0;
  Clock::Time not_before_{};
  std::optional<Clock::Time> reduced_;  // when it last was
};

}  // namespace airlock::registry
