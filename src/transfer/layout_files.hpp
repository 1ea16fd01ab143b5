// SPDX-License-Identifier: Apache-2.0
// Where things are in an OCI image layout (image-spec v1.1, image-layout.md).
#pragma once

#include <filesystem>

#include "airlock/oci/digest.hpp"

namespace airlock::transfer {

inline constexpr const char* ref_name = "org.opencontainers.image.ref.name";

inline std::filesystem::path layout_blob(const std::filesystem::path& directory, const oci::Digest& digest) {
  return directory / "blobs" / "sha256" / digest.hex();
}

}  // namespace airlock::transfer
