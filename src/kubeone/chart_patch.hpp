// SPDX-License-Identifier: Apache-2.0
// Addresses of charts in the text of a manifest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/kubeone/manifest_patch.hpp"

namespace airlock::kubeone {

/// The text with each release's chartURL in the place of its repoURL (or of the chartURL that it has), and with
/// releaseName and insecure where they are needed. An Error (code `selection`) where a release is written in braces.
std::string patch_charts(std::string_view text, const std::vector<ChartPatch>& charts, const std::string& file);

/// The same for what the text says: patch_manifest() compares.
void apply_charts(Json& manifest, const std::vector<ChartPatch>& charts);

}  // namespace airlock::kubeone
