// SPDX-License-Identifier: Apache-2.0
// Parallel work: a fixed number of threads takes items in order.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <vector>

namespace airlock {

/// What happens after the first failure.
enum class OnFailure {
  stop,      ///< no further item is started, and the failure is thrown when the running ones have ended
  continue_  ///< all items run; the failures are returned
};

/// Calls `work(i)` for i in [0, count), on at most `jobs` threads, fewer if the machine allows no
/// more; items start in order.
/// Returns one entry per item, null if it succeeded (all null with OnFailure::stop, which throws instead).
/// An interruption by the user stops. `work` must be safe to call from several threads.
std::vector<std::exception_ptr> run_parallel(std::size_t count, unsigned jobs,
                                             const std::function<void(std::size_t)>& work,
                                             OnFailure on_failure = OnFailure::stop);

}  // namespace airlock
