// SPDX-License-Identifier: Apache-2.0
#include "cli/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"

namespace airlock::cli {

namespace {

Json approval_json(const trust::Approval& approval) {
  Json json{{"predicateType", approval.predicate_type},
            {"reviewer", approval.reviewer},
            {"comment", approval.comment},
            {"time", approval.time},
            {"documents", approval.documents}};
  for (const auto& [question, answer] : approval.checklist)
    json["checklist"].push_back({{"question", question}, {"answer", answer}});
  return json;
}

Json signer_json(const trust::MetRequirement::Met& signer) {
  Json json{{"name", signer.name},
            {"fingerprint", signer.fingerprint},
            {"algorithm", signer.algorithm},
            {"files", signer.files}};
  if (signer.approval) json["approval"] = approval_json(*signer.approval);
  return json;
}

/// Lines, the first of which begins with what was decided.
std::string approval_text(const trust::Approval& approval) {
  const std::string decision = approval.decision();
  const std::string decided = decision == "none" ? "neither approved nor rejected," : decision;
  std::string text = line("", fmt::format("{} {}{}{}", decided, printable(approval.time, 40),
                                          approval.reviewer.empty() ? "" : " as " + printable(approval.reviewer, 80),
                                          approval.content_checked ? ", every byte checked by airlock" : ""));
  for (const auto& [name, digest] : approval.documents)
    text += line("", fmt::format("decided by {}, {}", printable(name, 80), printable(digest, 80)));
  for (const auto& [question, answer] : approval.checklist)
    text += line("", fmt::format("{} - {}", printable(question, 300), printable(answer, 300)));
  if (!approval.comment.empty()) text += line("", fmt::format("\"{}\"", printable(approval.comment)));
  return text;
}

std::string who(const trust::MetRequirement::Met& signer) {
  std::string text =
      fmt::format("{}, {} ({}, {})", signer.name, signer.fingerprint, signer.algorithm, join(signer.files, ", "));
  if (!signer.approval) return text;
  text += "\n" + approval_text(*signer.approval);
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

Json claims_json(const std::vector<trust::Claim>& claims, const oci::Digest& sums) {
  Json json = Json::array();
  for (const trust::Claim& claim : claims) {
    json.push_back({{"file", claim.file}, {"checked", false}});
    if (!claim.approval) continue;
    json.back()["decision"] = claim.approval->decision();
    json.back()["aboutThisBundle"] = claim.approval->subject == sums;
    json.back()["approval"] = approval_json(*claim.approval);
  }
  return json;
}

std::string claims_text(const std::vector<trust::Claim>& claims, const oci::Digest& sums) {
  if (claims.empty()) return line("signatures", "none");
  std::string text;
  for (const trust::Claim& claim : claims) {
    const bool other = claim.approval && claim.approval->subject != sums;
    text += line(text.empty() ? "signatures" : "",
                 fmt::format("{} (not checked{})", claim.file, other ? "; about another bundle" : ""));
    if (claim.approval && !other) text += approval_text(*claim.approval);
  }
  return text;
}

}  // namespace airlock::cli
