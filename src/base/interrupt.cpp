// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/interrupt.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <vector>

#include "airlock/base/clock.hpp"
#include "airlock/base/error.hpp"

namespace airlock {

namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler must not wait for a lock");

// Becomes readable with the flag and stays so: a signal between a check of the flag and a system call is not lost.
// Stays open while the program runs, because a handler may run at any time.
std::atomic<int> stop_event{-1};

extern "C" void on_signal(int number) {
  const int kept = errno;
  if (stop_requested.exchange(true)) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  const std::uint64_t one = 1;
  if (const int event = stop_event; event >= 0) {
    [[maybe_unused]] const auto ignored = ::write(event, &one, sizeof one);
  }
  errno = kept;
}

/// Waits for one of the descriptors or the user, for at most `timeout_ms` (-1: for as long as it takes).
void wait_for(std::span<pollfd> descriptors, int timeout_ms) {
  std::vector<pollfd> all(descriptors.begin(), descriptors.end());
  all.push_back({stop_event, POLLIN, 0});
  do {
    throw_if_interrupted();
  } while (::poll(all.data(), all.size(), timeout_ms) < 0 && errno == EINTR);
  throw_if_interrupted();
  std::copy_n(all.begin(), descriptors.size(), descriptors.begin());
}

}  // namespace

void catch_interrupts() {
  if (stop_event < 0) stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(number, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write past the file-size limit fails with EFBIG, which has its own Error
}

bool interrupted() noexcept { return stop_requested; }

void throw_if_interrupted() {
  if (interrupted())
    throw Error(ErrorCode::interrupted, "stopped on request")
        .hint("no incomplete file has its final name; run the same command again");
}

void wait_until_ready(std::span<pollfd> descriptors) { wait_for(descriptors, -1); }

void wait_until_readable(int fd) {
  pollfd readable{fd, POLLIN, 0};
  wait_until_ready({&readable, 1});
}

bool wait_until_readable(int fd, std::chrono::milliseconds limit) {
  pollfd readable{fd, POLLIN, 0};
  wait_for({&readable, 1}, static_cast<int>(limit.count()));
  return readable.revents != 0;
}

namespace {

class SteadyClock final : public Clock {
 public:
  Time now() const override { return std::chrono::steady_clock::now(); }
  void sleep_until(Time end) override {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now());
      throw_if_interrupted();
      if (left.count() <= 0) return;
      wait_for({}, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    }
  }
};

}  // namespace

Clock& steady_clock() {
  static SteadyClock clock;
  return clock;
}

}  // namespace airlock
