// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/package_url.hpp"

#include <algorithm>
#include <array>

#include "airlock/base/text.hpp"

namespace airlock::review {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      result += text[i];
      continue;
    }
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

/// Takes what follows the last `mark` off.
std::string_view cut(std::string_view& text, char mark) {
  const auto at = text.rfind(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view after = text.substr(at + 1);
  text = text.substr(0, at);
  return after;
}

bool of_distribution(std::string_view type) { return type == "deb" || type == "apk" || type == "rpm"; }

/// The names that a type takes for the same.
void normalize(PackageUrl& url) {
  if (of_distribution(url.type)) {
    const std::string_view name = url.short_name();
    url.distribution = url.name.substr(0, url.name.size() - std::min(url.name.size(), name.size() + 1));
    if (url.type == "rpm") url.distribution = purl_namespace(url.distribution);
    url.name = std::string(name);
    // purl-spec has rpm's epoch in a qualifier, databases have it before the version.
    const auto epoch = url.qualifiers.find("epoch");
    if (epoch != url.qualifiers.end() && epoch->second != "0" && !epoch->second.empty() &&
        url.version.find(':') == std::string::npos)
      url.version = epoch->second + ":" + url.version;
  }
  if (url.type == "pypi") {
    url.name = to_lower(url.name);
    for (char& c : url.name)
      if (c == '_' || c == '.') c = '-';
  }
  if (url.type != "golang") return;
  for (const std::string_view prefix : {"go", "v"})
    if (url.version.starts_with(prefix) && url.version.size() > prefix.size() &&
        hex_value(url.version[prefix.size()]) >= 0)
      url.version.erase(0, prefix.size());
}

}  // namespace

std::optional<PackageUrl> PackageUrl::find(std::string_view text) {
  if (!text.starts_with("pkg:")) return std::nullopt;
  text.remove_prefix(4);
  while (text.starts_with('/')) text.remove_prefix(1);
  PackageUrl url;
  const std::string_view subpath = cut(text, '#');
  std::string_view qualifiers = cut(text, '?');
  while (!qualifiers.empty()) {
    const std::string_view one = qualifiers.substr(0, qualifiers.find('&'));
    qualifiers.remove_prefix(std::min(qualifiers.size(), one.size() + 1));
    if (const auto equals = one.find('='); equals != std::string_view::npos)
      url.qualifiers.emplace(to_lower(one.substr(0, equals)), decoded(one.substr(equals + 1)));
  }
  // The version's mark stands in the last part; a scope (@types/node) may be written as it is.
  if (const auto mark = text.rfind('@');
      mark != std::string_view::npos && text.find('/', mark) == std::string_view::npos)
    url.version = decoded(cut(text, '@'));
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  url.type = to_lower(text.substr(0, slash));
  url.name = decoded(text.substr(slash + 1));
  // Some tools cut the major version of a Go module into the subpath (syft: "pkg:golang/x@v3.1#v3").
  if (url.type == "golang" && subpath.size() > 1 && subpath[0] == 'v' && hex_value(subpath[1]) >= 0)
    url.name += "/" + std::string(subpath.substr(0, subpath.find('/')));
  normalize(url);
  if (url.name.empty()) return std::nullopt;
  return url;
}

bool PackageUrl::covers(const PackageUrl& other) const {
  if (type != other.type || name != other.name || (!version.empty() && version != other.version)) return false;
  if (!distribution.empty() && !other.distribution.empty() && distribution != other.distribution) return false;
  constexpr std::array keys{"arch", "distro"};
  return std::all_of(keys.begin(), keys.end(), [&](const char* key) {
    const auto mine = qualifiers.find(key);
    const auto its = other.qualifiers.find(key);
    return mine == qualifiers.end() || its == other.qualifiers.end() || mine->second == its->second;
  });
}

std::optional<PackageUrl> PackageUrl::of(const Package& package) { return find(purl_of(package, {})); }

}  // namespace airlock::review
