// SPDX-License-Identifier: Apache-2.0
#include "trust/requirements.hpp"

#include "airlock/base/error.hpp"

namespace airlock::trust {

namespace {

/// Enough to know what was looked at.
std::string first_of(const std::vector<std::string>& files) {
  constexpr std::size_t shown = 8;
  if (files.size() <= shown) return join(files, ", ");
  return join({files.begin(), files.begin() + shown}, ", ") + " and " + std::to_string(files.size() - shown) + " more";
}

bool counts(const Requirement& requirement, const Signer& signer) {
  if (signer.revoked) return false;
  return requirement.attestation.empty() ? !signer.signature_files.empty()
                                         : find_approval(signer, requirement.attestation).has_value();
}

/// Why a key that did something does not count here; empty for one that did nothing, or that counts.
std::string why_not(const Requirement& requirement, const Signer& signer, const std::vector<Requirement>& requirements,
                    const Assignment& assignment) {
  std::vector<std::string> all = signer.signature_files;
  for (const auto* list : {&signer.approval_files, &signer.foreign_files})
    all.insert(all.end(), list->begin(), list->end());
  const std::string files = join(all, ", ");
  if (signer.revoked) return signer.name + "'s key is revoked, so " + files + " counts for nothing";
  if (!counts(requirement, signer)) {
    if (requirement.attestation.empty()) return signer.name + " has approved (" + files + "), but not signed";
    if (!signer.approvals.empty() && signer.approvals.front().predicate_type != requirement.attestation)
      return signer.name + "'s statement is of another type, " + printable(signer.approvals.front().predicate_type);
    if (!signer.approvals.empty())
      return signer.name + "'s statement (" + files + ") does not say " + std::string(approved_property);
    if (!signer.foreign_files.empty())
      return signer.name + "'s " + signer.foreign_files.front() + " is " + signer.foreign_reasons.front();
    return signer.name + " has signed (" + files + "), but not approved";
  }
  const auto elsewhere = assignment.filled_by(signer.name);
  if (elsewhere && &requirements[*elsewhere] != &requirement)
    return signer.name + " fills the role " + requirements[*elsewhere].role + " already";
  return {};
}

}  // namespace

std::optional<std::size_t> find_approval(const Signer& signer, const std::string& predicate_type) {
  for (std::size_t i = 0; i < signer.approvals.size(); ++i)
    if (signer.approvals[i].predicate_type == predicate_type && signer.approvals[i].approved) return i;
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
  if (reasons.empty() && files.empty()) reasons.emplace_back("the bundle carries no signature at all");
  if (reasons.empty() && assignment.keys[*unmet].empty())
    reasons.push_back("none of those found is theirs over this content: " + first_of(files));
  if (reasons.empty()) reasons.push_back("found " + join(assignment.keys[*unmet], ", "));
  Error error(ErrorCode::trust, at + "require[" + std::to_string(*unmet) + "]: role " + requirement.role + ": " +
                                    std::to_string(assignment.keys[*unmet].size()) + " of " +
                                    std::to_string(requirement.threshold) + " required " +
                                    (signature ? "signatures" : "approvals") + " by " + join(requirement.keys, ", ") +
                                    "; " + join(reasons, "; "));
  if (files.empty())
    error.hint("have the exporter sign it: airlock sign BUNDLE --key KEY");
  else if (!signature)
    error.hint("have it reviewed: airlock approve BUNDLE --key KEY");
  else if (!assignment.keys[*unmet].empty() || !signers.empty())
    error.hint("a further one of them has to sign it: airlock sign BUNDLE --key KEY");
  else
    error.hint(
        "the content was changed after signing, or another key signed it; do not use this bundle before the "
        "exporter confirms the key's fingerprint");
  throw error;
}

}  // namespace airlock::trust
