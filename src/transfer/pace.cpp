// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/pace.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "airlock/base/parallel.hpp"

namespace airlock::transfer {

namespace {
constexpr std::chrono::milliseconds far{10};
constexpr unsigned jobs_near = 8;  // measured: more only cost memory (docs/benchmarks.md)
constexpr unsigned jobs_far = 16;
}  // namespace

Pace pace(registry::Client& client, const std::set<oci::Registry>& registries, unsigned jobs) {
  const std::vector<oci::Registry> list(registries.begin(), registries.end());
  std::atomic<bool> any_far{false};
  run_parallel(
      list.size(), jobs_near,
      [&](std::size_t i) {
        if (client.distance(list[i]) >= far) any_far = true;
      },
      OnFailure::continue_);
  if (jobs == 0) jobs = any_far ? jobs_far : jobs_near;
  return {jobs, any_far ? PullMode::parted_blobs : PullMode::whole_blobs};
}

}  // namespace airlock::transfer
