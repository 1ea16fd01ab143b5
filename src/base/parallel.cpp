// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "airlock/base/interrupt.hpp"

namespace airlock {

std::vector<std::exception_ptr> run_parallel(std::size_t count, unsigned jobs,
                                             const std::function<void(std::size_t)>& work, OnFailure on_failure) {
  std::vector<std::exception_ptr> failures(count);
  std::exception_ptr first;
  std::mutex first_mutex;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};

  const auto worker = [&] {
    while (!stop) {
      const std::size_t item = next++;
      if (item >= count) return;
      try {
        throw_if_interrupted();
        work(item);
      } catch (...) {
        failures[item] = std::current_exception();
        const std::lock_guard lock(first_mutex);
        if (!first) first = failures[item];
        if (on_failure == OnFailure::stop || interrupted()) stop = true;
      }
    }
  };

  std::vector<std::jthread> threads;
  const std::size_t helpers = std::min<std::size_t>(std::max(jobs, 1U), count);
  try {
    for (std::size_t i = 1; i < helpers; ++i) threads.emplace_back(worker);
  } catch (const std::system_error&) {
    // No more threads (a cgroup's pids, ulimit -u): the existing ones do all the work.
  }
  if (count > 0) worker();
  threads.clear();  // joins

  if (first && on_failure == OnFailure::stop) std::rethrow_exception(first);
  throw_if_interrupted();
  return failures;
}

}  // namespace airlock
