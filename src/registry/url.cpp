// SPDX-License-Identifier: Apache-2.0
#include "registry/url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "airlock/base/handle.hpp"
#include "airlock/base/text.hpp"

namespace airlock::registry {

namespace {

using Url = std::unique_ptr<CURLU, Releaser<curl_url_cleanup>>;

std::string url_part(const Url& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

/// A host as registries have it: a name or an address in brackets. Nothing that has a second form, such as an escape or
/// a letter outside ASCII: what is compared is then what is connected to.
bool is_plain_host(std::string_view host) {
  return !host.empty() &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") == std::string_view::npos;
}

}  // namespace

std::string Origin::str() const { return fmt::format("{}://{}", scheme, host); }

std::optional<Origin> origin_of(const std::string& text) {
  const Url url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  Origin origin{url_part(url, CURLUPART_SCHEME), to_lower(url_part(url, CURLUPART_HOST))};
  if (!is_plain_host(origin.host)) return std::nullopt;
  const std::string port = url_part(url, CURLUPART_PORT);
  const bool standard = (origin.scheme == "https" && port == "443") || (origin.scheme == "http" && port == "80");
  if (!port.empty() && !standard) origin.host += ":" + port;
  if (origin.scheme != "https" && origin.scheme != "http") return std::nullopt;
  return origin;
}

std::string resolve_url(const std::string& base, const std::string& location) {
  const Url url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK)
    return {};
  return url_part(url, CURLUPART_URL);
}

std::string url_over_tls(const std::string& url, const Origin& registry) {
  const auto origin = origin_of(url);
  if (!origin || origin->scheme != "http" || registry.scheme != "https" || origin->host != registry.host) return url;
  const Url changed(curl_url());
  if (!changed || curl_url_set(changed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_set(changed.get(), CURLUPART_SCHEME, "https", 0) != CURLUE_OK)
    return url;
  // A port 80 that is written out would be another place.
  if (url_part(changed, CURLUPART_PORT) == "80") curl_url_set(changed.get(), CURLUPART_PORT, nullptr, 0);
  return url_part(changed, CURLUPART_URL);
}

std::string url_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    encoded += plain ? std::string(1, c) : "%" + hex_encode({&c, 1});
  }
  return encoded;
}

}  // namespace airlock::registry
