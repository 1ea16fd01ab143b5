// SPDX-License-Identifier: Apache-2.0
// The parts of the review page, each HTML of its own.
#pragma once

#include <string>
#include <vector>

#include "airlock/review/report.hpp"

namespace airlock::review {

std::string verdict_section(const ReportInput& input);
std::string identity_section(const ReportInput& input);
std::string changes_section(const ReportInput& input);
std::string hints_section(const std::vector<Hint>& hints);
/// Empty where no findings were given.
std::string findings_section(const ReportInput& input);
std::string bytes_section(const ReportInput& input);
std::string images_section(const ReportInput& input, const std::vector<Hint>& hints);
std::string software_section(const ReportInput& input);
std::string commands_section(const ReportInput& input);

}  // namespace airlock::review
