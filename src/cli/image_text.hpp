// SPDX-License-Identifier: Apache-2.0
// Images, as text and JSON.
#pragma once

#include <string>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/review/file_system.hpp"
#include "airlock/review/image_summary.hpp"

namespace airlock::cli {

/// A table with a row for each image.
std::string image_table(const std::vector<review::ImageSummary>& images);
Json image_json(const review::ImageSummary& image);
/// Of the selection, and left out with permission.
Json missing_json(const std::vector<records::Missing>& missing);

/// All that is known of an image, its layers with who else has them.
std::string image_depth(const bundle::BundleContent& bundle, const review::ImageSummary& image);
/// Files that run as their owner, or that everybody may write, each on a line.
std::string risky_files_text(const review::FileSystem& files);
/// As `ls -l` shows them.
std::string tree_text(const review::FileSystem& files);

}  // namespace airlock::cli
