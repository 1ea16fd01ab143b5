// SPDX-License-Identifier: Apache-2.0
// Which redirects are followed (RFC 9110, section 15.4).
#pragma once

#include <string>

#include "registry/http.hpp"

namespace airlock::registry {

bool is_redirect(long status);

/// Where an answer sends a request that is to be sent again as it is: anywhere what only reads, to the origin `home`
/// also what writes, after 307 and 308 only, which keep method and content. What has no answer of its own any more is
/// empty: no redirect, or one that is not followed.
std::string redirect_target(const HttpRequest& request, const HttpAnswer& answer, const Origin& home);

}  // namespace airlock::registry
