// SPDX-License-Identifier: Apache-2.0
// Why there was no answer: libcurl and OpenSSL have one code for many causes, and only their words tell them apart.
#pragma once

#include <string>
#include <string_view>

#include "registry/http.hpp"

namespace airlock::registry {

/// What went wrong with TLS or a proxy on the way; nothing known of other failures.
struct ConnectFailure {
  HttpAnswer::Failure kind = HttpAnswer::Failure::none;  ///< none: as libcurl's code has it
  std::string advice;                                    ///< empty: none that fits
};

/// `text` is libcurl's message. Whether it is about TLS at all, the text says: the alert of a server that wants a
/// client certificate comes after the handshake in TLS 1.3, as a failure to read.
ConnectFailure connect_failure(std::string_view text, const TransportOptions& options);

}  // namespace airlock::registry
