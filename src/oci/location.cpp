// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/location.hpp"

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

Location Location::parse(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, "\"" + printable(text) + "\" is not a registry: " + why)
        .hint("write HOST[:PORT][/PREFIX], for example registry.local:5000/kubernetes");
  };
  if (text.find("://") != std::string_view::npos) refuse("it is written without a scheme");
  const auto slash = text.find('/');
  const auto host = oci::Registry::find(text.substr(0, slash));
  if (!host) refuse("\"" + printable(text.substr(0, slash)) + "\" is not a host");
  std::string_view path = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto prefix = oci::Repository::find(path);
  if (!path.empty() && !prefix) refuse("\"" + printable(path) + "\" is not a repository prefix");
  return {*host, prefix};
}

std::string Location::key() const { return to_lower(host.str()) + (prefix ? "/" + prefix->str() : ""); }

bool Location::is_within(const Location& other) const {
  if (to_lower(host.str()) != to_lower(other.host.str())) return false;
  if (!other.prefix) return true;
  return prefix && (*prefix == *other.prefix || prefix->str().starts_with(*other.prefix + "/"));
}

std::string to_string(Reach reach) {
  switch (reach) {
    case Reach::tls_verified: return "TLS";
    case Reach::tls_unverified: return "TLS, certificate not verified";
    case Reach::plain_http: return "plain HTTP";
  }
  return "";
}

}  // namespace airlock::oci
