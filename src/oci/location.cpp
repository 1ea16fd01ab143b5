// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/location.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

Location Location::parse(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, fmt::format("\"{}\" is not a registry: {}", printable(text), why))
        .hint("write HOST[:PORT][/PREFIX], for example registry.local:5000/kubernetes");
  };
  if (text.find("://") != std::string_view::npos) refuse("it must not have a scheme");
  const auto slash = text.find('/');
  const auto host = oci::Registry::find(text.substr(0, slash));
  if (!host) refuse(fmt::format("\"{}\" is not a host", printable(text.substr(0, slash))));
  std::string_view path = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto prefix = oci::Repository::find(path);
  if (!path.empty() && !prefix) refuse(fmt::format("\"{}\" is not a repository prefix", printable(path)));
  return {*host, prefix};
}

std::string Location::str() const { return prefix ? fmt::format("{}/{}", host.str(), prefix->str()) : host.str(); }

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
