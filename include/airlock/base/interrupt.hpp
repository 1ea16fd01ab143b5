// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a question that long work asks itself, so that every destructor still runs.
#pragma once

namespace airlock {

/// From now on SIGINT, SIGTERM and SIGHUP set a mark instead of ending the process; a second one ends it at once.
/// SIGPIPE and SIGXFSZ are ignored: the calls that cause them fail, and that is reported.
void catch_interrupts();

/// Whether the user has asked to stop.
bool interrupted() noexcept;

/// Throws an Error (code `interrupted`) when the user has asked to stop.
void throw_if_interrupted();

}  // namespace airlock
