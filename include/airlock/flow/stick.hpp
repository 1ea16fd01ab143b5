// SPDX-License-Identifier: Apache-2.0
// A medium that explains itself: beside the bundle, airlock's static programs and one page with the exact commands.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "airlock/bundle/volumes.hpp"
#include "airlock/oci/location.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

struct StickRequest {
  std::filesystem::path bundle;  ///< a file, or the common name of volumes
  bundle::VolumePlaces volumes;
  std::filesystem::path release;                ///< directory of an unpacked release (flow/release.hpp); empty: none
  std::optional<trust::PublicKey> release_key;  ///< that must have signed it
  std::optional<oci::Location> registry;        ///< for the page's import
};

struct StickResult {
  std::filesystem::path page;     ///< READ-ME-FIRST.txt, beside the bundle
  std::filesystem::path release;  ///< the copy of the release
};

inline constexpr const char* stick_page_name = "READ-ME-FIRST.txt";

/// What lay_stick() would refuse and is known before the bundle is there. Writes nothing.
void check_stick(const StickRequest& request);

/// Copies the release beside the bundle, reads the copy, and writes the page, in the place of an earlier one of
/// airlock's. The bundle's content is not read. An Error (code `trust`) where `signer` has not signed the bundle, or
/// the release's key the release, (code `format`) where the release is not whole.
StickResult lay_stick(const StickRequest& request, const trust::PublicKey& signer);

}  // namespace airlock::flow
