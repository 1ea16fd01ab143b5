// SPDX-License-Identifier: Apache-2.0
// URLs, read by libcurl's parser, so that what is compared is what is connected to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace airlock::registry {

/// Where a request goes: credentials belong to an origin, never to anything else.
struct Origin {
  std::string scheme;  ///< "https" or "http"
  std::string host;    ///< with port; without one the scheme's own is meant
  std::string str() const;
  auto operator<=>(const Origin&) const = default;
};

/// The origin of an absolute URL; nothing when it is no http(s) URL with a host.
std::optional<Origin> origin_of(const std::string& text);

/// `location` as a header of the answer to `base` gives it: absolute, or relative to `base` (RFC 3986, section 5).
std::string resolve_url(const std::string& base, const std::string& location);

/// The same address with TLS where it has none, but the host and port of `registry`, which is reached over TLS: a proxy
/// ends TLS there, and the registry behind it does not know (github.com/distribution/distribution/issues/996). Other
/// addresses stay as they are.
std::string url_over_tls(const std::string& url, const Origin& registry);

/// Percent-encodes a value for a query string.
std::string url_encode(std::string_view text);

}  // namespace airlock::registry
