// SPDX-License-Identifier: Apache-2.0
// Tests that interrupt the program they run in: each in a process of its own, as it cannot be taken back.
#pragma once

#include <filesystem>
#include <string>
#include <thread>

#include "airlock/base/process.hpp"
#include "catch.hpp"

/// The time limit makes a failure of a test that would hang, and decides nothing else.
inline void run_alone(const std::string& name) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto result = airlock::run_process({"timeout", "120", self, name}, "", 1U << 20);
  INFO(result.value().output);
  CHECK(result->status == 0);
}

#define ALONE_TEST_CASE(name)                     \
  TEST_CASE(name) { run_alone(name " (alone)"); } \
  TEST_CASE(name " (alone)", "[.alone]")

/// Waits for other threads to get somewhere.
template <typename Condition>
void until(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}
