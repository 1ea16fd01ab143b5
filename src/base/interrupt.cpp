// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/interrupt.hpp"

#include <csignal>

#include "airlock/base/error.hpp"

namespace airlock {

namespace {

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void on_signal(int number) {
  if (stop_requested != 0) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  stop_requested = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write past the file-size limit fails with EFBIG, which has an Error of its own
}

bool interrupted() noexcept { return stop_requested != 0; }

void throw_if_interrupted() {
  if (interrupted())
    throw Error(ErrorCode::interrupted, "stopped on request")
        .hint("nothing incomplete stands under its final name; run the same command again");
}

}  // namespace airlock
