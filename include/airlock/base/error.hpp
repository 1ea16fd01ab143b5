// SPDX-License-Identifier: Apache-2.0
// The one error type of airlock. Every failure that users can see is an Error; C libraries' failures are
// translated once, in the module that wraps the library. Absence is std::optional, not an Error.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace airlock {

/// What kind of failure it was. The numeric value is the program's exit status (docs/exit-status.md).
enum class ErrorCode : int {
  internal = 1,      ///< a bug in airlock, or the machine ran out of a resource other than the medium
  usage = 2,         ///< the command line is wrong
  selection = 3,     ///< the requested image set cannot be formed
  registry = 4,      ///< a registry could not be reached, refused, or lacks something
  media = 5,         ///< a file or a medium could not be read or written
  format = 6,        ///< bytes are not what they claim to be: structure, size or digest
  trust = 7,         ///< signatures, keys, roles, thresholds
  policy = 8,        ///< rollback, age, expiry, sources
  incomplete = 9,    ///< no failure: done, but without what was allowed to be missing
  different = 10,    ///< no failure: diff --exit-code found differences
  interrupted = 130  ///< the user stopped the run (128 + SIGINT, as shells count)
};

/// The word for a code in machine-readable output, e.g. "registry".
const char* to_string(ErrorCode code);

/// On which side of a transfer the failure happened; goes into the message.
enum class Side { none, source, bundle, target };

/// A failure: what failed, within what (frames, outermost first), and what to do next (the hint).
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message);
  Error(ErrorCode code, Side side, std::string message);

  /// Adds what to do next, unless there is a hint already: the innermost one is the most specific.
  Error& hint(std::string text) &;
  Error&& hint(std::string text) &&;

  /// Adds context while the error propagates: `error.within("image registry.k8s.io/pause:3.9")`.
  Error& within(std::string frame) &;
  Error&& within(std::string frame) &&;

  /// Marks that what was asked for is not there, or not for whoever asks, which registries do not always tell apart.
  Error& absent() & {
    absent_ = true;
    return *this;
  }
  Error&& absent() && { return std::move(absent()); }
  bool is_absence() const { return absent_; }

  ErrorCode code() const { return code_; }
  Side side() const { return side_; }
  const std::string& hint() const { return hint_; }
  /// "side: frame: frame: message", without the hint.
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  void compose();

  ErrorCode code_;
  Side side_ = Side::none;
  bool absent_ = false;
  std::string message_;
  std::string hint_;
  std::vector<std::string> frames_;  // outermost first
  std::string text_;
};

/// Runs `action`; an Error thrown by it gains the frame that `describe()` returns.
template <typename Action, typename Describe>
auto within(Describe&& describe, Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (Error& error) {
    error.within(describe());
    throw;
  }
}

}  // namespace airlock
