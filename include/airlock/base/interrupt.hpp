// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a question that long work asks itself, so that every destructor still runs. Whoever waits, waits with the
// functions here, a Condition (base/event.hpp) or a Clock (base/clock.hpp): they end when the user wants to stop,
// whatever they wait for.
#pragma once

#include <span>

struct pollfd;

namespace airlock {

/// From now on SIGINT, SIGTERM and SIGHUP set a mark instead of ending the process; a second one ends it at once. Those
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

}  // namespace airlock
