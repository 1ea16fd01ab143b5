// SPDX-License-Identifier: Apache-2.0
// Time for those who wait for it or count it: a test has one that does not take any.
#pragma once

#include <chrono>

namespace airlock {

/// Thread-safe.
class Clock {
 public:
  using Time = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  virtual Time now() const = 0;
  /// An Error (code `interrupted`) when the user stops it.
  virtual void sleep_until(Time end) = 0;
};

/// The machine's, which no change of its date moves.
Clock& steady_clock();

}  // namespace airlock
