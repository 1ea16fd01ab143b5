// SPDX-License-Identifier: Apache-2.0
// What a registry's refusal says to a person, and what to do about it.
#pragma once

#include <string>
#include <string_view>

#include "airlock/base/error.hpp"
#include "registry/http.hpp"

namespace airlock::registry {

/// What to do about a registry that wants a client certificate.
inline constexpr std::string_view client_certificate_hint =
    "it wants a client certificate: give one that it takes with --cert and --cert-key";

/// "HTTP 404, MANIFEST_UNKNOWN: manifest unknown", or why there was no answer.
std::string describe(const HttpAnswer& answer);

/// "MANIFEST_UNKNOWN: manifest unknown (detail)" from an error body (distribution-spec, "Error Codes"); empty when it
/// has none.
std::string error_text(const std::string& body);

/// What helps on this side, by the cause that the answer names, else by its status.
std::string advice_for(const HttpAnswer& answer, Side side);

}  // namespace airlock::registry
