// SPDX-License-Identifier: Apache-2.0
// The reviewer's story: policy -> structure -> signatures -> metadata -> closure -> every byte. Opens no socket.
#pragma once

#include <filesystem>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::flow {

struct VerifyRequest {
  std::filesystem::path bundle;
  std::vector<std::filesystem::path> signature_files;  ///< kept beside the bundle
  unsigned jobs = 2;
  bool layers = false;  ///< unpack every layer and compare it with its image's config (bundle::check_layers)
};

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter);

}  // namespace airlock::flow
