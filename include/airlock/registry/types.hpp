// SPDX-License-Identifier: Apache-2.0
// How registries are reached: hosts, mirrors, TLS.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "airlock/base/error.hpp"
#include "airlock/oci/location.hpp"
#include "airlock/registry/credentials.hpp"

namespace airlock::registry {

using Location = oci::Location;
using Reach = oci::Reach;

/// Where to ask instead of a source registry: `--mirror HOST=[http://]HOST:PORT[/PREFIX]`.
struct Mirror {
  bool plain_http;
  Location location;
};

/// What a Client needs to know.
struct ClientOptions {
  Side side = Side::none;                 ///< for messages
  bool only_reads = false;                ///< nothing will be written: 403 is a refusal, on the target's side too
  std::map<std::string, Mirror> mirrors;  ///< by source host
  std::set<std::string> insecure_hosts;   ///< may be reached with unverified TLS or plain HTTP
  std::filesystem::path ca_file;          ///< trusted authorities (PEM) instead of the system's
  std::filesystem::path client_certificate;
  std::filesystem::path client_key;
  CredentialStore credentials;
  /// A transfer that moves less than 1 KiB/s for so long is dropped and resumed over another connection.
  std::chrono::seconds stall_timeout{60};
  std::string user_agent;
  std::filesystem::path upload_ledger;  ///< remembers large uploads that were cut off; empty: none are
};

}  // namespace airlock::registry
