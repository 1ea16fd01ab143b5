// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"
#include "review/lenient_json.hpp"
#include "review/scanner_files.hpp"

namespace airlock::review {

namespace {

/// The value of a line "KEY: VALUE" of a text that a scanner writes for people.
std::string line_of(const std::string& text, std::string_view key) {
  for (const std::string& line : split(text, '\n'))
    if (line.starts_with(key) && std::string_view(line).substr(key.size()).starts_with(": "))
      return line.substr(key.size() + 2);
  return {};
}

/// The first of several lines that is there.
std::string line_of(const std::vector<std::string>& texts, const std::vector<std::string_view>& keys) {
  for (const std::string& text : texts)
    for (const std::string_view key : keys)
      if (std::string value = line_of(text, key); !value.empty()) return value;
  return {};
}

/// "Vulnerability CVE-2024-3094"
std::string id_of(const std::vector<std::string>& texts) {
  constexpr std::string_view word = "Vulnerability ";
  for (const std::string& text : texts)
    for (const std::string& line : split(text, '\n'))
      if (line.starts_with(word) && line.find(' ', word.size()) == std::string::npos) return line.substr(word.size());
  return {};
}

/// By the score that code scanning services go by (docs.github.com, "SARIF support for code scanning").
Severity severity_by_score(const std::string& score) {
  char* end = nullptr;
  const double value = std::strtod(score.c_str(), &end);
  if (score.empty() || end == score.c_str()) return Severity::unknown;
  if (value >= 9) return Severity::critical;
  if (value >= 7) return Severity::high;
  if (value >= 4) return Severity::medium;
  return value > 0 ? Severity::low : Severity::unknown;
}

class SarifRun {
 public:
  explicit SarifRun(const Json& run) {
    for (const Json& rule : elements(member(member(run, "tool"), "driver"), "rules")) {
      rules_.push_back(&rule);
      by_id_.emplace(text_of(rule, "id"), &rule);
    }
    // Trivy says which image it looked into (pkg/report/sarif.go).
    const Json& properties = member(run, "properties");
    add_digest(text_of(properties, "imageID"), images_);
    for (const Json& name : elements(properties, "repoDigests"))
      if (name.is_string()) add_digest(name.get<std::string>(), images_);
  }

  Finding read(const Json& result) const {
    const Json& rule = rule_of(result);
    const std::string rule_id = text_of(result, "ruleId").empty() ? text_of(rule, "id") : text_of(result, "ruleId");
    const std::string message = text_of(member(result, "message"), "text");
    // A rule of Trivy's stands for a weakness in several packages, so its message comes first. Grype's message is one
    // sentence, and its rule is about one package (grype/presenter/sarif/presenter.go).
    // What is looked for stands in their first lines.
    constexpr std::size_t beginning = 4096;
    const std::vector<std::string> texts{message.substr(0, beginning),
                                         text_of(member(rule, "help"), "text").substr(0, beginning)};
    Finding finding;
    finding.id = id_of(texts);
    if (finding.id.empty()) finding.id = rule_id;
    finding.package = line_of(texts, {"Package"});
    finding.version = line_of(texts, {"Installed Version", "Version"});
    finding.fixed = line_of(texts, {"Fixed Version", "Fix Version"});
    finding.severity = severity_of(line_of(texts, {"Severity"}));
    if (finding.severity == Severity::unknown)
      finding.severity = severity_by_score(text_of(member(rule, "properties"), "security-severity"));
    if (finding.severity == Severity::unknown) finding.severity = severity_of(text_of(result, "level"));
    finding.text = text_of(member(rule, "shortDescription"), "text");
    if (finding.text.empty()) finding.text = message;
    finding.digests = images_;
    for (const Json& location : elements(result, "locations"))
      add_digest(text_of(member(member(location, "physicalLocation"), "artifactLocation"), "uri"), finding.digests);
    take_purl(text_of(member(result, "properties"), "purl"), finding);
    const Json& purls = elements(member(rule, "properties"), "purls");
    if (!finding.purl && purls.size() == 1 && purls.front().is_string())
      take_purl(purls.front().get<std::string>(), finding);
    return finding;
  }

 private:
  /// By ruleId, rule.id, ruleIndex or rule.index (SARIF 2.1.0, sections 3.27.5 to 3.27.7).
  const Json& rule_of(const Json& result) const {
    static const Json none;
    const Json& named = member(result, "rule");
    for (const std::string& id : {text_of(result, "ruleId"), text_of(named, "id")})
      if (const auto known = by_id_.find(id); !id.empty() && known != by_id_.end()) return *known->second;
    for (const Json& index : {member(result, "ruleIndex"), member(named, "index")})
      if (index.is_number_unsigned() && index.get<std::uint64_t>() < rules_.size())
        return *rules_[index.get<std::uint64_t>()];
    return none;
  }

  std::vector<const Json*> rules_;
  std::map<std::string, const Json*> by_id_;
  std::set<std::string> images_;
};

}  // namespace

std::vector<Finding> read_sarif(const Json& root) {
  std::vector<Finding> findings;
  for (const Json& run : elements(root, "runs")) {
    const SarifRun reader(run);
    for (const Json& result : elements(run, "results"))
      if (const std::string kind = text_of(result, "kind"); kind != "pass" && kind != "notApplicable")
        findings.push_back(reader.read(result));
  }
  return findings;
}

}  // namespace airlock::review
