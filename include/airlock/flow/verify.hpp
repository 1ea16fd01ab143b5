// SPDX-License-Identifier: Apache-2.0
// The reviewer's story: policy -> structure -> signatures -> metadata -> rules -> closure -> every byte. Opens no
// socket.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/trust/import_state.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::flow {

struct VerifyRequest {
  std::filesystem::path bundle;  ///< a file, or the common name of volumes
  bundle::VolumePlaces volumes;
  std::vector<std::filesystem::path> signature_files;  ///< kept beside the bundle
  std::optional<std::string> stream;                   ///< the only one that is wanted
  std::filesystem::path state_directory;  ///< record of imports; empty: trust::ImportState::default_directory()
  unsigned jobs = 2;
  bundle::BlobCheck blobs = bundle::BlobCheck::now;
  bool past_cache = false;  ///< read from the medium what the operating system may still have in memory
  bool layers = false;      ///< unpack every layer and compare it with its image's config (bundle::check_layers)
};

/// Looks at the record of imports, where the policy needs one, and leaves it as it is.
bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter);

/// The same with the record of imports as the caller has it, for one who holds its lock.
bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy,
                                     const std::map<std::string, trust::LastImport>& last_imports, Reporter& reporter);

/// Where the record of imports is.
std::filesystem::path state_directory(const VerifyRequest& request);

}  // namespace airlock::flow
