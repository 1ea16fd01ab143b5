// SPDX-License-Identifier: Apache-2.0
// The index of an HTTP chart repository (helm.sh/docs/topics/chart_repository).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "airlock/oci/digest.hpp"

namespace airlock::helm {

/// The limit for index.yaml: large repositories have tens of megabytes.
inline constexpr std::size_t max_index = 96U << 20;

struct IndexedChart {
  std::string version;
  std::string url;  ///< absolute
  std::optional<oci::Digest> digest;
};

/// Finds a chart of the index of the repository `url`. An empty version means the newest that is no pre-release. An
/// Error (code `selection`) says which versions there are.
IndexedChart find_chart(std::string_view index, const std::string& url, const std::string& name,
                        const std::string& version);

/// Whether a text is a version, and no pre-release.
bool is_release_version(std::string_view version);

/// Whether a version is a range, which needs Helm to be resolved: `^1.2`, `>=1`, `1.x`.
bool is_version_range(std::string_view version);

/// Whether two versions are the same but for a `v` before them, as Helm compares them in repositories.
bool same_version(std::string_view a, std::string_view b);

/// Less than zero, zero or more, as one version is older (semver.org, 11); texts that are no versions are the oldest.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace airlock::helm
