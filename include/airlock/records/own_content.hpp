// SPDX-License-Identifier: Apache-2.0
// Charts and files in a set of images: OCI artifacts, told from images by the group that the signed metadata gives them
// (docs/sets.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "airlock/oci/manifest.hpp"
#include "airlock/records/image.hpp"

namespace airlock::records {

inline constexpr const char* charts_group = "charts";
inline constexpr const char* files_group = "files";

/// Of the artifact around a file.
inline constexpr const char* file_artifact_type = "application/vnd.airlock.file.v1";
inline constexpr const char* file_layer_type = "application/octet-stream";
inline constexpr const char* empty_config_type = "application/vnd.oci.empty.v1+json";  ///< image-spec v1.1, manifest.md
/// Of charts, as `helm push` writes them (helm.sh/docs/topics/registries).
inline constexpr const char* chart_config_type = "application/vnd.cncf.helm.config.v1+json";
inline constexpr const char* chart_layer_type = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
inline constexpr const char* chart_provenance_type = "application/vnd.cncf.helm.chart.provenance.v1.prov";

inline constexpr const char* title_annotation = "org.opencontainers.image.title";

bool is_in_group(const Image& image, std::string_view group);
inline bool is_file(const Image& image) { return is_in_group(image, files_group); }
inline bool is_chart(const Image& image) { return is_in_group(image, charts_group); }

/// Whether a file may have this name: letters, digits, `.`, `_`, `-`, `+`, `~`; 1 to 128, the first a letter or digit.
/// It is safe in a path.
bool is_file_name(std::string_view name);

/// Under which reference a file is in a set: `airlock.internal/files/NAME:DIGITS`. No registry has this host (ICANN
/// reserves .internal for private use); inside, it is `files/NAME:DIGITS`. DIGITS begin its digest.
oci::Reference file_reference(std::string_view name, const oci::Digest& content);
/// Whether an image is of this host, and so no registry's.
bool is_made_here(const oci::Reference& source);

/// A file that an artifact carries.
struct CarriedFile {
  std::string name;
  oci::Descriptor blob;
};
/// The file of an artifact around a file or a chart; nothing for others. The name of a file is_file_name(); that of a
/// chart is NAME-VERSION.tgz, from its reference.
std::optional<CarriedFile> carried_file(const Image& image, std::string_view manifest);

}  // namespace airlock::records
