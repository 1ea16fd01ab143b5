// SPDX-License-Identifier: Apache-2.0
// What a registry wants to know of who asks (RFC 9110, section 11), and what access that is about (distribution,
// docs/spec/auth/scope.md).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::registry {

/// One challenge of a WWW-Authenticate header.
struct Challenge {
  std::string scheme;                             ///< lower case
  std::map<std::string, std::string> parameters;  ///< names in lower case

  /// Empty where it is absent.
  std::string parameter(const std::string& name) const;
  bool operator==(const Challenge&) const = default;
};

/// All challenges of the header's values, also several in one. What is malformed is left out, up to the next comma.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& values);

/// What access a request needs, e.g. "repository:calico/cni:pull"; several for a mount.
using Scopes = std::set<std::string>;

/// The repository that a request with these scopes is about: the one that it writes to, else the one that it reads.
/// Empty without scopes.
std::string repository_of(const Scopes& scopes);

/// What to ask a token for. `challenged` is the scope of the challenge, words separated by spaces: it is the registry
/// that knows under which name it keeps a repository. More than it says is asked for in two cases: actions in the same
/// repository, and other repositories beside one that it names (mounts).
Scopes scopes_to_ask(const Scopes& own, std::string_view challenged);

}  // namespace airlock::registry
