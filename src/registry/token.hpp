// SPDX-License-Identifier: Apache-2.0
// Bearer tokens: how they are asked for and what comes (distribution, docs/spec/auth/token.md and oauth.md).
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "airlock/base/secret.hpp"
#include "airlock/registry/credentials.hpp"
#include "registry/challenge.hpp"
#include "registry/http.hpp"

namespace airlock::registry {

/// The value of an Authorization header with user name and password (RFC 7617).
Secret basic_header(const Credentials& credentials);

/// Where a challenge sends for a token: an http(s) URL, and no less safe than the registry, or nothing. A realm with
/// the registry's own host and port that lacks TLS is taken for one with it (see url_over_tls()).
std::optional<std::string> realm_of(const Challenge& challenge, const Origin& registry);

/// Asks `realm` for a token: an identity token by OAuth2, a password by GET. The caller wipes body_text.
HttpRequest token_request(const std::string& realm, const std::string& service, const Scopes& scopes,
                          const Credentials* credentials);

struct TokenAnswer {
  Secret header;  ///< value of an Authorization header
  std::chrono::seconds lifetime{};
};
/// Nothing where there is no token in it. What it says of its expiry counts where it is a number; the specification's
/// minute is the least and the default. `body` is wiped.
std::optional<TokenAnswer> read_token(std::string& body);

/// Why a token server refuses, in its own words: the registry's form of errors, OAuth2's (RFC 6749, section 5.2) and
/// Docker Hub's; else the status.
std::string describe_token_refusal(const HttpAnswer& answer);

}  // namespace airlock::registry
