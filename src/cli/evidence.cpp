// SPDX-License-Identifier: Apache-2.0
#include "cli/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"

namespace airlock::cli {

namespace {

Json signer_json(const trust::MetRequirement::Met& signer) {
  Json json{{"name", signer.name},
            {"fingerprint", signer.fingerprint},
            {"algorithm", signer.algorithm},
            {"files", signer.files}};
  if (signer.approval)
    json["approval"] = {{"predicateType", signer.approval->predicate_type},
                        {"reviewer", signer.approval->reviewer},
                        {"comment", signer.approval->comment},
                        {"time", signer.approval->time}};
  return json;
}

std::string who(const trust::MetRequirement::Met& signer) {
  std::string text =
      fmt::format("{}, {} ({}, {})", signer.name, signer.fingerprint, signer.algorithm, join(signer.files, ", "));
  if (!signer.approval) return text;
  text +=
      "\n" +
      line("", fmt::format("approved {}{}{}", printable(signer.approval->time, 40),
                           signer.approval->reviewer.empty() ? "" : " as " + printable(signer.approval->reviewer, 80),
                           signer.approval->content_checked ? ", every byte checked by airlock" : ""));
  if (!signer.approval->comment.empty()) text += line("", fmt::format("\"{}\"", printable(signer.approval->comment)));
  text.pop_back();
  return text;
}

}  // namespace

std::string line(std::string_view key, std::string_view text) {
  constexpr std::size_t width = 11;
  return fmt::format("  {}{}{}\n", key, std::string(width - std::min(width - 1, key.size()), ' '), text);
}

Json evidence_json(const trust::Evidence& evidence) {
  Json requirements = Json::array();
  for (const auto& requirement : evidence.requirements()) {
    Json signers = Json::array();
    for (const auto& signer : requirement.signers) signers.push_back(signer_json(signer));
    Json json{{"rule", requirement.rule},
              {"role", requirement.role},
              {"threshold", requirement.threshold},
              {"signers", std::move(signers)}};
    if (!requirement.attestation.empty()) json["attestation"] = requirement.attestation;
    requirements.push_back(std::move(json));
  }
  Json rules = Json::array();
  for (const auto& rule : evidence.rules()) rules.push_back({{"rule", rule.rule}, {"finding", rule.finding}});
  Json policy{{"origin", evidence.policy_origin()}};
  if (evidence.policy_digest()) policy["digest"] = evidence.policy_digest()->str();
  return {{"policy", std::move(policy)},
          {"requirements", std::move(requirements)},
          {"rules", std::move(rules)},
          {"notCounted", evidence.not_counted()}};
}

std::string evidence_text(const trust::Evidence& evidence) {
  std::string text;
  if (evidence.policy_digest())
    text += line("policy", fmt::format("{}, {}", evidence.policy_origin(), evidence.policy_digest()->str()));
  for (const auto& requirement : evidence.requirements()) {
    if (evidence.policy_digest())
      text += line("met", fmt::format("{}: {}, {} of {} needed", requirement.rule, requirement.role,
                                      requirement.signers.size(), requirement.threshold));
    for (const auto& signer : requirement.signers) text += line(requirement.role, who(signer));
  }
  if (evidence.policy_digest())
    for (const auto& rule : evidence.rules()) text += line("met", fmt::format("{}: {}", rule.rule, rule.finding));
  for (const std::string& file : evidence.not_counted()) text += line("ignored", file);
  return text;
}

}  // namespace airlock::cli
