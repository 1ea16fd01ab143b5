// SPDX-License-Identifier: Apache-2.0
// An image's config, as far as it decides what a node runs (OCI image-spec v1.1, config.md).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/oci/platform.hpp"

namespace airlock::oci {

/// As much as skopeo and containers/image read (iolimits.MaxConfigBodySize, 4 MiB), with room for odd ones.
inline constexpr std::size_t max_config_size = 16U << 20;

struct ImageConfig {
  std::optional<Platform> platform;  ///< of its fields os and architecture; nothing where they are missing or malformed
  std::vector<std::string> diff_ids;  ///< as written; empty where there are none

  /// Bytes of one of media_type::is_image_config(). An Error (code `format`) where they are no such JSON, or where
  /// other programs could read them in another way (spelling.hpp). `where` names it.
  static ImageConfig parse(std::string_view text, std::string_view where);
};

}  // namespace airlock::oci
