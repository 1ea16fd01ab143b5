// SPDX-License-Identifier: Apache-2.0
#include "trust/requirements.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::trust {

namespace {

/// Enough to tell what was checked.
std::string first_of(const std::vector<std::string>& files) {
  constexpr std::size_t shown = 8;
  if (files.size() <= shown) return join(files, ", ");
  return fmt::format("{} and {} more", join({files.begin(), files.begin() + shown}, ", "), files.size() - shown);
}

/// The first question without an answer; "no" is one that approves nothing.
std::optional<std::string> unanswered(const Requirement& requirement, const Approval& approval) {
  for (const std::string& question : requirement.questions) {
    const auto is_answer = [&](const Answer& one) { return one.question == question; };
    const auto& given = approval.checklist;
    if (std::count_if(given.begin(), given.end(), is_answer) != 1) return question;
    if (declines(std::find_if(given.begin(), given.end(), is_answer)->answer)) return question;
  }
  return std::nullopt;
}

bool counts(const Requirement& requirement, const Signer& signer) {
  if (signer.revoked) return false;
  return requirement.attestation.empty() ? !signer.signature_files.empty()
                                         : find_approval(signer, requirement).has_value();
}

/// Why a key that signed something does not count here; empty for a key that counts or signed nothing.
std::string why_not(const Requirement& requirement, const Signer& signer, const std::vector<Requirement>& requirements,
                    const Assignment& assignment) {
  std::vector<std::string> all = signer.signature_files;
  for (const auto* list : {&signer.approval_files, &signer.foreign_files})
    all.insert(all.end(), list->begin(), list->end());
  const std::string files = join(all, ", ");
  if (signer.revoked) return fmt::format("{}'s key is revoked, so {} does not count", signer.name, files);
  if (!counts(requirement, signer)) {
    if (requirement.attestation.empty()) return fmt::format("{} has approved ({}), but not signed", signer.name, files);
    if (!signer.approvals.empty() && signer.approvals.front().predicate_type != requirement.attestation)
      return fmt::format("{}'s statement is of another type, {}", signer.name,
                         printable(signer.approvals.front().predicate_type));
    for (const Approval& approval : signer.approvals)
      if (const auto question = unanswered(requirement, approval); question && approval.approved)
        return fmt::format("{}'s approval ({}) does not say yes to the policy's question \"{}\"", signer.name, files,
                           printable(*question, 80));
    if (!signer.approvals.empty())
      return fmt::format("{}'s statement ({}) does not say {}", signer.name, files, approved_property);
    if (!signer.foreign_files.empty())
      return fmt::format("{}'s {} is {}", signer.name, signer.foreign_files.front(), signer.foreign_reasons.front());
    return fmt::format("{} has signed ({}), but not approved", signer.name, files);
  }
  const auto elsewhere = assignment.filled_by(signer.name);
  if (elsewhere && &requirements[*elsewhere] != &requirement)
    return fmt::format("{} already fills the role {}", signer.name, requirements[*elsewhere].role);
  return {};
}

}  // namespace

std::optional<std::size_t> find_approval(const Signer& signer, const Requirement& requirement) {
  for (std::size_t i = 0; i < signer.approvals.size(); ++i)
    if (signer.approvals[i].predicate_type == requirement.attestation && signer.approvals[i].approved &&
        !unanswered(requirement, signer.approvals[i]))
      return i;
  return std::nullopt;
}

Assignment meet(const std::string& at, const std::vector<Requirement>& requirements, const Signers& signers,
                const std::vector<std::string>& files) {
  Assignment assignment = assign(requirements, [&](const Requirement& requirement, const std::string& key) {
    const auto signer = signers.find(key);
    return signer != signers.end() && counts(requirement, signer->second);
  });
  const auto unmet = assignment.first_unmet(requirements);
  if (!unmet) return assignment;

  const Requirement& requirement = requirements[*unmet];
  std::vector<std::string> reasons;
  for (const std::string& key : requirement.keys) {
    const auto signer = signers.find(key);
    if (signer == signers.end()) continue;
    const std::string reason = why_not(requirement, signer->second, requirements, assignment);
    if (!reason.empty()) reasons.push_back(reason);
  }
  const bool signature = requirement.attestation.empty();
  if (reasons.empty() && files.empty()) reasons.emplace_back("the bundle has no signature");
  if (reasons.empty() && assignment.keys[*unmet].empty())
    reasons.push_back("none of the signatures found is theirs over this content: " + first_of(files));
  if (reasons.empty()) reasons.push_back("found " + join(assignment.keys[*unmet], ", "));
  Error error(ErrorCode::trust,
              fmt::format("{}require[{}]: role {}: {} of {} required {} by {}; {}", at, *unmet, requirement.role,
                          assignment.keys[*unmet].size(), requirement.threshold, signature ? "signatures" : "approvals",
                          join(requirement.keys, ", "), join(reasons, "; ")));
  if (files.empty())
    error.hint("have the exporter sign it: airlock sign BUNDLE --key KEY");
  else if (!signature)
    error.hint(requirement.questions.empty()
                   ? "have it reviewed: airlock approve BUNDLE --key KEY"
                   : "have it reviewed: airlock approve BUNDLE --key KEY --checklist --policy FILE");
  else if (!assignment.keys[*unmet].empty() || !signers.empty())
    error.hint("another of these keys must sign it: airlock sign BUNDLE --key KEY");
  else
    error.hint(
        "the content was changed after signing, or another key signed it; do not use this bundle before the "
        "exporter confirms the key's fingerprint");
  throw error;
}

}  // namespace airlock::trust
