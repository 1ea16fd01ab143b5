// SPDX-License-Identifier: Apache-2.0
// Package URLs as other tools write them (github.com/package-url/purl-spec), read leniently.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/review/package.hpp"

namespace airlock::review {

struct PackageUrl {
  std::string type;     ///< lower case
  std::string name;     ///< with its namespace, "/" between them; of deb, apk and rpm without: tools name distributions
                        ///< differently
  std::string version;  ///< of golang without "v" and "go" before it; may be empty
  std::string distribution;  ///< the namespace of deb, apk and rpm; may be empty
  std::map<std::string, std::string> qualifiers;

  /// Nothing for what is none.
  static std::optional<PackageUrl> find(std::string_view text);
  static std::optional<PackageUrl> of(const Package& package);

  /// Without the namespace.
  std::string_view short_name() const { return std::string_view(name).substr(name.rfind('/') + 1); }
  /// Whether this is about that package: without a version about all versions. Distributions, and the qualifiers arch
  /// and distro, may be absent on one side, and must not differ.
  bool covers(const PackageUrl& other) const;
};

}  // namespace airlock::review
