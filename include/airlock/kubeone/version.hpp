// SPDX-License-Identifier: Apache-2.0
// Kubernetes versions as users and KubeOne write them.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::kubeone {

/// A minor release line: 1.29.
struct Minor {
  unsigned major = 0;
  unsigned minor = 0;
  /// "1.29"; nothing when it is something else.
  static std::optional<Minor> parse(std::string_view text);
  std::string str() const;
  auto operator<=>(const Minor&) const = default;
};

/// A release: v1.29.4.
struct Version {
  Minor line;
  unsigned patch = 0;
  std::string pre_release;  ///< "rc.0"; empty for a release, which comes after all of them
  /// "v1.29.4", "1.29.4" or "v1.29.0-rc.0"; nothing when it is something else.
  static std::optional<Version> parse(std::string_view text);
  /// With the leading v, as image tags have it.
  std::string str() const;
  bool operator==(const Version&) const = default;
  std::strong_ordering operator<=>(const Version& other) const;
};

/// Minors from `min` to `max`, both included; an open end has no value.
struct MinorRange {
  std::optional<Minor> min;
  std::optional<Minor> max;
  bool contains(const Minor& minor) const { return (!min || *min <= minor) && (!max || minor <= *max); }
  std::string str() const;
};

}  // namespace airlock::kubeone
