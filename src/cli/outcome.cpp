// SPDX-License-Identifier: Apache-2.0
#include "cli/outcome.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "airlock/base/markup.hpp"
#include "airlock/base/text.hpp"
#include "airlock/version.hpp"

namespace airlock::cli {

namespace {

struct Result {
  std::string rule;
  std::string text;
  bool passed = false;
};

std::vector<Result> results_of(const trust::Evidence* evidence, const Error* refusal) {
  std::vector<Result> results;
  if (refusal != nullptr) {
    for (const std::string& line : split(refusal->what(), '\n'))
      if (!trim(line).empty()) results.push_back({to_string(refusal->code()), std::string(trim(line)), false});
    return results;
  }
  for (const trust::MetRequirement& requirement : evidence->requirements()) {
    std::vector<std::string> signers;
    for (const auto& signer : requirement.signers) signers.push_back(signer.name + " " + signer.fingerprint);
    results.push_back({requirement.rule, fmt::format("{}: {}", requirement.role, join(signers, ", ")), true});
  }
  for (const trust::MetRule& rule : evidence->rules()) results.push_back({rule.rule, rule.finding, true});
  results.push_back({"content", "every byte is what was signed", true});
  return results;
}

}  // namespace

Json sarif_outcome(const std::string& bundle, const trust::Evidence* evidence, const Error* refusal) {
  Json results = Json::array();
  for (const Result& result : results_of(evidence, refusal))
    results.push_back({{"ruleId", result.rule},
                       {"kind", result.passed ? "pass" : "fail"},
                       {"level", result.passed ? "none" : "error"},
                       {"message", {{"text", without_controls(result.text, false)}}},
                       {"locations", {{{"physicalLocation", {{"artifactLocation", {{"uri", bundle}}}}}}}}});
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs",
           {{{"tool", {{"driver", {{"name", "airlock"}, {"version", version}}}}}, {"results", std::move(results)}}}}};
}

std::string junit_outcome(const std::string& bundle, const trust::Evidence* evidence, const Error* refusal) {
  const auto results = results_of(evidence, refusal);
  std::string cases;
  std::size_t failures = 0;
  for (const Result& result : results) {
    cases += fmt::format(R"(    <testcase classname="airlock.verify" name="{}">)", escape_markup(result.rule));
    if (!result.passed) {
      ++failures;
      cases += fmt::format("<failure message=\"{}\"/>", escape_markup(result.text));
    }
    cases += "</testcase>\n";
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\">\n{}  </testsuite>\n</testsuites>\n",
      escape_markup(bundle), results.size(), failures, cases);
}

}  // namespace airlock::cli
