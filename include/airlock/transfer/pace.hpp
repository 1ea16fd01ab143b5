// SPDX-License-Identifier: Apache-2.0
// How hard registries are worked, depending on how far away they are.
#pragma once

#include <set>
#include <string>

#include "airlock/registry/client.hpp"
#include "airlock/transfer/bundle_ports.hpp"

namespace airlock::transfer {

struct Pace {
  unsigned jobs = 8;
  PullMode mode = PullMode::whole_blobs;
};

/// Reaches all `registries`, at the same time. From 10 ms on a registry counts as far: then 16 requests are under way
/// instead of 8, and large blobs come in parts, because each connection waits for its answers and cannot use the whole
/// line. `jobs` overrules the number where it is not 0. A registry that cannot be reached is not an Error yet: whoever
/// asks it for something will say for what.
Pace pace(registry::Client& client, const std::set<oci::Registry>& registries, unsigned jobs);

}  // namespace airlock::transfer
