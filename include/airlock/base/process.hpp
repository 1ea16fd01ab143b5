// SPDX-License-Identifier: Apache-2.0
// Runs another program, such as a credential helper: short text in, short text out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock {

struct ProcessResult {
  int status = 0;      ///< exit status; 128 + signal where one ended it
  std::string output;  ///< of its standard output; its standard error is inherited
};

/// Runs `command` (looked up in PATH, no shell) with `input` on its standard input until it ends. Nothing when there is
/// no such program. Output past `limit` bytes, and an interruption by the user, end the program and are an Error.
std::optional<ProcessResult> run_process(const std::vector<std::string>& command, std::string_view input,
                                         std::size_t limit);

}  // namespace airlock
