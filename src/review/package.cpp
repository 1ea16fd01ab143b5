// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/package.hpp"

#include <fmt/format.h>

#include "airlock/base/text.hpp"

namespace airlock::review {

namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_~").find(c) != std::string_view::npos;
}

/// purl-spec, "Character encoding"; a colon stays as it is.
std::string encoded(std::string_view text, std::string_view also = ":") {
  std::string result;
  for (const char c : text) {
    if (is_plain(c) || also.find(c) != std::string_view::npos)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

/// packaging.python.org, "Names and normalization".
std::string python_name(std::string_view name) {
  std::string normal;
  for (const char c : to_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator)
      normal += c;
    else if (!normal.ends_with('-'))
      normal += '-';
  }
  return normal;
}

/// The CPE's own specials are escaped; what is no printable ASCII is dropped.
std::string cpe_part(std::string_view text) {
  std::string part;
  for (const char c : to_lower(text)) {
    if (c <= ' ' || c == 127) continue;
    if (!is_plain(c) || c == '~') part += '\\';
    part += c;
  }
  return part.empty() ? "*" : part;
}

}  // namespace

std::string purl_namespace(std::string_view distribution) {
  return distribution == "rhel" ? "redhat" : std::string(distribution);
}

std::string purl_of(const Package& package, const Distribution& distribution) {
  std::string purl = "pkg:" + package.type + "/";
  const bool of_distribution = package.type == "deb" || package.type == "apk" || package.type == "rpm";
  const std::string ns = !of_distribution || distribution.empty() ? package.ns
                         : package.type == "rpm"                  ? purl_namespace(distribution.id)
                                                                  : distribution.id;
  // purl-spec has rpm's epoch in a qualifier; databases, and everybody else, have it before the version.
  const auto colon = package.type == "rpm" ? package.version.find(':') : std::string::npos;
  const std::string epoch = colon == std::string::npos ? "" : package.version.substr(0, colon);
  const std::string version = colon == std::string::npos ? package.version : package.version.substr(colon + 1);
  if (!ns.empty()) purl += encoded(ns, ":/") + "/";
  purl +=
      encoded(package.type == "pypi" ? python_name(package.name) : package.name, package.type == "golang" ? ":/" : ":");
  if (!version.empty()) purl += "@" + encoded(version);
  char separator = '?';
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    purl += fmt::format("{}{}={}", separator, key, encoded(value));
    separator = '&';
  };
  add("arch", package.architecture);
  if (of_distribution && !distribution.empty())
    add("distro",
        distribution.version.empty() ? distribution.id : fmt::format("{}-{}", distribution.id, distribution.version));
  add("epoch", epoch);
  if (of_distribution) add("upstream", package.source);
  return purl;
}

std::string cpe_of(const Package& package) {
  const std::string name =
      package.name.substr(package.name.rfind('/') == std::string::npos ? 0 : package.name.rfind('/') + 1);
  return fmt::format("cpe:2.3:a:{0}:{0}:{1}:*:*:*:*:*:*:*", cpe_part(name), cpe_part(package.version));
}

}  // namespace airlock::review
