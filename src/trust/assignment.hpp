// SPDX-License-Identifier: Apache-2.0
// One key fills one role: which key counts for which requirement is a matching, not a matter of the order in which they
// are written. (With roles exporter: alice or bob, reviewer: alice, a first-come rule could refuse a valid bundle.)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "airlock/trust/policy.hpp"

namespace airlock::trust {

struct Assignment {
  std::vector<std::vector<std::string>> keys;  ///< by requirement, in the policy's order

  /// The first requirement that has too few.
  std::optional<std::size_t> first_unmet(const std::vector<Requirement>& requirements) const;
  /// The requirement that this key fills.
  std::optional<std::size_t> filled_by(const std::string& key) const;
};

/// Meets as many requirements as possible; remaining keys are added where they fit.
Assignment assign(const std::vector<Requirement>& requirements,
                  const std::function<bool(const Requirement&, const std::string& key)>& eligible);

}  // namespace airlock::trust
