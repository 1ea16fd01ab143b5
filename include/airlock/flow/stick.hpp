// SPDX-License-Identifier: Apache-2.0
// A medium that explains itself: beside the bundle, airlock's static programs and one page with the exact commands.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "airlock/bundle/volumes.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

struct StickRequest {
  std::filesystem::path bundle;  ///< finished: a file, or the common name of volumes
  bundle::VolumePlaces volumes;
  std::filesystem::path release;  ///< directory of an unpacked release (flow/release.hpp)
  std::string registry;           ///< for the page's import; empty: a stand-in
};

struct StickResult {
  std::filesystem::path page;     ///< READ-ME-FIRST.txt, beside the bundle
  std::filesystem::path release;  ///< the copy of the release
  std::vector<std::filesystem::path> bundle_files;
};

inline constexpr const char* stick_page_name = "READ-ME-FIRST.txt";

/// Copies the release beside the bundle, reads the copy, and writes the page, in the place of an earlier one of
/// airlock's. The bundle's content is not read. An Error (code `trust`) where `signer` has not signed the bundle, (code
/// `format`) where the release is not whole.
StickResult lay_stick(const StickRequest& request, const trust::PublicKey& signer);

}  // namespace airlock::flow
