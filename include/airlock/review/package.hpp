// SPDX-License-Identifier: Apache-2.0
// A piece of software that an image holds.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::review {

/// What a file of an image says of installed software. All texts come from the image: hostile until they are shown.
struct Package {
  std::string type;  ///< of its purl: deb, apk, rpm, golang, cargo, pypi, npm, maven, gem
  std::string ns;    ///< a group or scope: org.apache.commons, @types; of deb, apk and rpm the distribution's
  std::string name;
  std::string version;
  std::string architecture;  ///< where the database says one
  std::string license;       ///< as written there
  std::string source;        ///< deb, rpm: the source package, where it has another name; deb: NAME@VERSION, if other
  std::string checksum;      ///< golang: h1:…

  auto operator<=>(const Package&) const = default;
};

/// From /etc/os-release (os-release(5)).
struct Distribution {
  std::string id;       ///< "debian"
  std::string version;  ///< VERSION_ID
  std::string name;     ///< PRETTY_NAME
  bool empty() const { return id.empty(); }
};

/// The namespace of a distribution's rpm packages (purl-spec, "rpm"), by its ID in os-release.
std::string purl_namespace(std::string_view distribution);

/// The package URL (github.com/package-url/purl-spec).
std::string purl_of(const Package& package, const Distribution& distribution);
/// A guess at the CPE 2.3 name (NISTIR 7695), as vendors choose theirs freely: the product is the vendor.
std::string cpe_of(const Package& package);

}  // namespace airlock::review
