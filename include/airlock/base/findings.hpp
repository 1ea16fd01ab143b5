// SPDX-License-Identifier: Apache-2.0
// Collects the problems found before long work, so that the user can fix all of them at once.
#pragma once

#include <vector>

#include "airlock/base/error.hpp"

namespace airlock {

class Findings {
 public:
  /// Runs one check. An Error is kept; an interruption by the user passes through. True when there was none.
  template <typename Check>
  bool check(Check&& action) {
    try {
      action();
      return true;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      errors_.push_back(error);
      return false;
    }
  }

  bool empty() const { return errors_.empty(); }
  std::size_t count() const { return errors_.size(); }
  /// Throws the findings: a single Error unchanged, several as one with the code of the first.
  void conclude() const;

 private:
  std::vector<Error> errors_;
};

}  // namespace airlock
