// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a flag that long work polls, so that destructors run. Code that waits uses the functions here, a Condition
// (base/event.hpp) or a Clock (base/clock.hpp): they end when the user interrupts, whatever they wait for.
#pragma once

#include <chrono>
#include <span>

struct pollfd;

namespace airlock {

/// From now on SIGINT, SIGTERM and SIGHUP set a flag instead of ending the process; a second signal ends it. Those
/// that were ignored when the program started stay ignored (nohup). SIGPIPE and SIGXFSZ are ignored: the calls that
/// cause them fail, and that is reported.
void catch_interrupts();

/// Whether the user has asked to stop. Any thread.
bool interrupted() noexcept;

/// Throws an Error (code `interrupted`) when the user has asked to stop.
void throw_if_interrupted();

/// Waits until one of the descriptors is what it is asked for, as poll(2) has it. An Error (code `interrupted`) when
/// the user stops it.
void wait_until_ready(std::span<pollfd> descriptors);

/// Waits until the descriptor can be read, or is at its end. An Error (code `interrupted`) when the user stops it.
void wait_until_readable(int fd);

/// The same for at most this long; false where it could not be read by then.
bool wait_until_readable(int fd, std::chrono::milliseconds limit);

}  // namespace airlock
