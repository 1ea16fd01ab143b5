// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/types.hpp"

namespace airlock::registry {

std::string to_string(Reach reach) {
  switch (reach) {
    case Reach::tls_verified: return "TLS";
    case Reach::tls_unverified: return "TLS, certificate not verified";
    case Reach::plain_http: return "plain HTTP";
  }
  return "";
}

}  // namespace airlock::registry
