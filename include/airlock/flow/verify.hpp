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
#include "airlock/records/import_state.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::flow {

struct VerifyRequest {
  std::filesystem::path bundle;  ///< a file, or the common name of volumes
  bundle::VolumePlaces volumes;
  std::vector<std::filesystem::path> signature_files;  ///< kept beside the bundle
  std::optional<std::string> stream;                   ///< the only one that is wanted
  std::optional<oci::Location> target;    ///< where it is to be imported, for the policy's rules about that
  std::filesystem::path state_directory;  ///< record of imports; empty: records::ImportState::default_directory()
  unsigned jobs = 2;
  bundle::BlobCheck blobs = bundle::BlobCheck::now;
  bool keep_documents = true;  ///< bundle::VerifyOptions::keep_documents
  bool past_cache = false;     ///< read from the medium what the operating system may still have in memory
  bool layers = false;         ///< unpack every layer and compare it with its image's config (bundle::check_layers)
};

/// Looks at the record of imports, where the policy needs one, and leaves it as it is.
bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter);

/// The same with the record of imports as the caller has it, for one who holds its lock.
bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy,
                                     const trust::LastImports& last_imports, Reporter& reporter);

/// What every reader of bundles does: bundle::verify(), and a refusal (code `format`) of a bundle in which two images
/// would get one name.
bundle::VerifiedBundle verify_content(std::shared_ptr<const bundle::ReadableMedium> medium, const trust::Policy& policy,
                                      const bundle::VerifyOptions& options, Reporter& reporter);

/// Where this machine remembers things; nothing where the environment names no place.
std::optional<std::filesystem::path> state_directory(const VerifyRequest& request);
/// The same for work that needs it: an Error (code `usage`) where there is none.
std::filesystem::path needed_state_directory(const VerifyRequest& request);

}  // namespace airlock::flow
