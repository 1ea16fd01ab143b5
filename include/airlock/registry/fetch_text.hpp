// SPDX-License-Identifier: Apache-2.0
// A small file from the web, for the connected side.
#pragma once

#include <string>

#include "airlock/base/reporter.hpp"
#include "airlock/registry/types.hpp"

namespace airlock::registry {

/// The body of an https or http URL, at most 4 MiB; tried again where that can help, redirects followed but never from
/// https to http. Nothing where the server says that there is no such file (404). An Error (code `registry`) otherwise.
std::optional<std::string> fetch_text(const std::string& url, const ClientOptions& options, Reporter& reporter);

}  // namespace airlock::registry
