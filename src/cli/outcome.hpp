// SPDX-License-Identifier: Apache-2.0
// The outcome of verification in the forms that pipelines read.
#pragma once

#include <string>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/trust/evidence.hpp"

namespace airlock::cli {

/// SARIF 2.1.0 (docs.oasis-open.org/sarif): a result for each rule that was met (kind pass), or for each line of what
/// refused it (level error). One of `evidence` and `refusal` is there.
Json sarif_outcome(const std::string& bundle, const trust::Evidence* evidence, const Error* refusal);

/// JUnit XML, as Jenkins and GitLab read it: a test case for each of the same.
std::string junit_outcome(const std::string& bundle, const trust::Evidence* evidence, const Error* refusal);

}  // namespace airlock::cli
