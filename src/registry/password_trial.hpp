// SPDX-License-Identifier: Apache-2.0
// A password that was not taken yet is sent by one request; the others wait to hear whether it is right.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/event.hpp"

namespace airlock::registry {

/// Whether a password is right, at one place. Thread-safe.
class PasswordTrial {
 public:
  /// True: it is not known, and the caller finds out and says so with end(). False: it is right. Waits for another
  /// one that is finding out; an Error when it is wrong.
  bool begin();
  enum class Outcome { unknown, right };
  void end(Outcome outcome);
  void end(Error refusal);
  std::size_t waiting() const;

 private:
  mutable std::mutex mutex_;
  Condition changed_;
  enum class State { unknown, trying, right } state_ = State::unknown;
  std::optional<Error> refusal_;
};

}  // namespace airlock::registry
