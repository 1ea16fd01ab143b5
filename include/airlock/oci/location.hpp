// SPDX-License-Identifier: Apache-2.0
// A registry as users write it, `registry.local:5000/kubernetes`, and how it can be reached.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "airlock/oci/names.hpp"

namespace airlock::oci {

struct Location {
  Registry host;
  std::optional<Repository> prefix;  ///< prefix of all repositories

  /// An Error (code `usage`) for schemes, tags and malformed names.
  static Location parse(std::string_view text);
  std::string str() const;
  /// The same for every spelling of the host: in lower case.
  std::string key() const;
  /// Whether everything below this place is below `other` too.
  bool is_within(const Location& other) const;
};

/// How a registry can be reached.
enum class Reach {
  tls_verified,
  tls_unverified,  ///< only with --insecure
  plain_http       ///< only with --insecure or an http:// mirror
};
/// "TLS", "TLS, certificate not verified", "plain HTTP".
std::string to_string(Reach reach);

}  // namespace airlock::oci
