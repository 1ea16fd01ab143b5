// SPDX-License-Identifier: Apache-2.0
// Finished bundles, put together and cut anew. No registry is asked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "airlock/flow/verify.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

struct MergeRequest {
  std::vector<std::filesystem::path> bundles;
  VerifyRequest verify;  ///< how each of them is verified; its `bundle` is set for each
  std::filesystem::path output;
  bundle::VolumeOptions volumes;
  std::string stream;  ///< empty: that of all bundles
  std::optional<std::uint64_t> serial;
  std::string signature_name;
};

struct MergeResult {
  bundle::Metadata metadata;
  std::uint64_t archive_size = 0;
  oci::Digest sums_digest = oci::sha256("");
};

/// One bundle with the images of all, signed by `key`. Each is verified against `policy` first; every byte is hashed on
/// its way. What one delta depends on and another bundle carries is carried. An Error (code `selection`) where two have
/// different images under one name, or other platforms. The earliest expiry holds for all; age and serial are new.
MergeResult merge_bundles(const MergeRequest& request, const trust::Policy& policy, const trust::PrivateKey& key,
                          Reporter& reporter);

/// The same bytes in volumes of another size (0: one file). Nothing but the archive's structure is checked, and
/// signatures stay good.
void split_bundle(const std::filesystem::path& bundle, const bundle::VolumePlaces& places,
                  const std::filesystem::path& output, const bundle::VolumeOptions& volumes, Reporter& reporter);

}  // namespace airlock::flow
