// SPDX-License-Identifier: Apache-2.0
// What becomes of images found in manifests and charts.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/flow/select_images.hpp"
#include "airlock/kubeone/image_references.hpp"

namespace airlock::flow {

/// Says all that is not taken, and what is completed to Docker Hub: each has a line.
void tell_found(const kubeone::FoundImages& found, Suspects suspects, Reporter& reporter);

/// References as written, and where each was found.
std::vector<std::pair<std::string, std::string>> taken_images(const kubeone::FoundImages& found, Suspects suspects);

}  // namespace airlock::flow
