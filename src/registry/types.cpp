// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/types.hpp"

#include "airlock/oci/reference.hpp"

namespace airlock::registry {

Location Location::parse(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, "\"" + std::string(text) + "\" is not a registry: " + why)
        .hint("write HOST[:PORT][/PREFIX], for example registry.local:5000/kubernetes");
  };
  if (text.find("://") != std::string_view::npos) refuse("it is written without a scheme");
  const auto slash = text.find('/');
  Location location{std::string(text.substr(0, slash)), ""};
  if (slash != std::string_view::npos) location.prefix = text.substr(slash + 1);
  while (location.prefix.ends_with('/')) location.prefix.pop_back();
  if (!oci::is_registry(location.host)) refuse("\"" + location.host + "\" is not a host");
  if (!location.prefix.empty() && !oci::is_repository(location.prefix))
    refuse("\"" + location.prefix + "\" is not a repository prefix");
  return location;
}

std::string to_string(Reach reach) {
  switch (reach) {
    case Reach::tls_verified: return "TLS";
    case Reach::tls_unverified: return "TLS, certificate not verified";
    case Reach::plain_http: return "plain HTTP";
  }
  return "";
}

}  // namespace airlock::registry
