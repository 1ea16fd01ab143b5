// SPDX-License-Identifier: Apache-2.0
// The isolated side's story: verify -> preflight -> push -> check -> emit.
#pragma once

#include <chrono>

#include "airlock/flow/verify.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "airlock/transfer/push.hpp"

namespace airlock::flow {

struct ImportRequest {
  VerifyRequest verify;
  registry::Location target;
  registry::ClientOptions client;
  unsigned jobs = 8;
  kubeone::ApiVersion api_version = kubeone::ApiVersion::v1beta2;
  bool dry_run = false;  ///< stop before anything is written to the registry
};

struct ImportResult {
  bundle::Metadata metadata;
  trust::Evidence evidence;
  std::vector<transfer::Destination> destinations;  ///< point into `metadata`
  transfer::PushSummary push;
  kubeone::RegistryConfiguration configuration;
  std::chrono::milliseconds duration{};
};

/// Nothing is sent to the registry before the whole bundle is verified.
std::unique_ptr<ImportResult> import_bundle(const ImportRequest& request, const trust::Policy& policy,
                                            Reporter& reporter);

}  // namespace airlock::flow
