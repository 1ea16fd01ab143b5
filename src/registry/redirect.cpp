// SPDX-License-Identifier: Apache-2.0
#include "registry/redirect.hpp"

namespace airlock::registry {

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string redirect_target(const HttpRequest& request, const HttpAnswer& answer, const Origin& home) {
  const std::string location = answer.header("location");
  if (!is_redirect(answer.status) || location.empty()) return {};
  std::string target = resolve_url(request.url, location);
  // An address that cannot be read is an error of the registry's: whoever sends it there says so.
  if (target.empty()) target = location;
  target = url_over_tls(target, home);
  if (request.method == "GET" || request.method == "HEAD") return target;
  const bool kept = answer.status == 307 || answer.status == 308;
  return kept && origin_of(target) == home ? target : "";
}

}  // namespace airlock::registry
