// SPDX-License-Identifier: Apache-2.0
// What one thread waits for and another one brings about, as descriptors: a wait for it then ends with Ctrl-C as soon
// as any other does (base/interrupt.hpp). A std::condition_variable cannot be waited for together with a signal.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "airlock/base/file.hpp"

namespace airlock {

/// A mark that poll(2) sees: its descriptor can be read from set() to clear().
class Event {
 public:
  Event();
  void set() const noexcept;
  void clear() const noexcept;
  int fd() const { return fd_.get(); }

 private:
  FileDescriptor fd_;
};

/// A condition variable whose waits end when the user stops the run. REQUIRES: all calls hold the same mutex.
class Condition {
 public:
  /// Waits for a notification, with the mutex released. An Error (code `interrupted`) when the user stops it.
  void wait(std::unique_lock<std::mutex>& lock);
  /// The same for at most this long; false where nobody has notified it by then.
  bool wait_for(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit);
  /// Wakes the one who has waited longest.
  void notify_one() noexcept;
  void notify_all() noexcept;
  /// How many wait.
  std::size_t waiting() const { return waiting_.size(); }

 private:
  bool wait(std::unique_lock<std::mutex>& lock, std::optional<std::chrono::milliseconds> limit);

  std::deque<const Event*> waiting_;  // the oldest first; whoever was notified is no longer in it
};

}  // namespace airlock
