// SPDX-License-Identifier: Apache-2.0
#include "airlock/trust/policy.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::trust {

namespace {

/// The signature that each trusted key made over the content, by the key's name.
using Signatures = std::map<std::string, const SignatureFile*>;

Signatures find_signers(const std::vector<TrustedKey>& keys, std::string_view content,
                        const std::vector<SignatureFile>& files) {
  Signatures signers;
  for (const TrustedKey& trusted : keys)
    for (const SignatureFile& file : files)
      if (!signers.contains(trusted.name) && trusted.key.matches(content, file.bytes))
        signers.emplace(trusted.name, &file);
  return signers;
}

[[noreturn]] void refuse(const Requirement& requirement, std::size_t met, const std::vector<SignatureFile>& files) {
  const std::size_t found = files.size();
  std::vector<std::string> names;
  for (const SignatureFile& file : files) names.push_back(file.name);
  Error error(ErrorCode::trust,
              "role " + requirement.role + ": " + std::to_string(met) + " of " + std::to_string(requirement.threshold) +
                  " required signatures by " + join(requirement.keys, ", ") +
                  (found == 0 ? "; the bundle carries no signature at all"
                              : "; none of those found is theirs over this content: " + join(names, ", ")));
  error.hint(found == 0 ? "have the exporter sign it: airlock sign BUNDLE --key KEY"
                        : "the content was changed after signing, or another key signed it; "
                          "do not use this bundle before the exporter confirms the key's fingerprint");
  throw error;
}

}  // namespace

Policy Policy::single_key(std::string name, PublicKey key) {
  std::vector<TrustedKey> keys;
  keys.push_back({name, std::move(key)});
  return {std::move(keys), {{"exporter", {std::move(name)}, 1}}};
}

Policy::Policy(std::vector<TrustedKey> keys, std::vector<Requirement> requirements)
    : keys_(std::move(keys)), requirements_(std::move(requirements)) {
  std::set<std::string> names;
  std::set<oci::Digest> material;
  for (const TrustedKey& trusted : keys_) {
    if (!names.insert(trusted.name).second)
      throw Error(ErrorCode::trust, "policy: the key name " + trusted.name + " appears twice");
    if (!material.insert(trusted.key.spki()).second)
      throw Error(ErrorCode::trust, "policy: " + trusted.name + " is the same key as another one");
  }
  if (requirements_.empty()) throw Error(ErrorCode::trust, "policy: nothing is required, so nothing would be verified");
  for (const Requirement& requirement : requirements_) {
    const std::set<std::string> distinct(requirement.keys.begin(), requirement.keys.end());
    if (distinct.size() != requirement.keys.size())
      throw Error(ErrorCode::trust, "policy: role " + requirement.role + " names a key twice");
    if (requirement.threshold == 0 || requirement.threshold > distinct.size())
      throw Error(ErrorCode::trust, "policy: role " + requirement.role + " has a threshold of " +
                                        std::to_string(requirement.threshold) + " over " +
                                        count_of(distinct.size(), "key"));
    for (const std::string& key : distinct)
      if (!names.contains(key)) throw Error(ErrorCode::trust, "policy: role " + requirement.role + ": no key " + key);
  }
}

Evidence Policy::authenticate(std::string_view content, const std::vector<SignatureFile>& signatures) const {
  const Signatures signers = find_signers(keys_, content, signatures);
  std::set<std::string> used;  // one key fills one role
  std::vector<MetRequirement> met;
  for (const Requirement& requirement : requirements_) {
    MetRequirement result{requirement.role, requirement.threshold, {}};
    for (const std::string& name : requirement.keys) {
      const auto signer = signers.find(name);
      if (signer == signers.end() || used.contains(name)) continue;
      const auto trusted =
          std::find_if(keys_.begin(), keys_.end(), [&](const TrustedKey& key) { return key.name == name; });
      result.signers.push_back(
          {name, trusted->key.fingerprint(), to_string(trusted->key.algorithm()), signer->second->name});
    }
    if (result.signers.size() < requirement.threshold) refuse(requirement, result.signers.size(), signatures);
    for (const auto& signer : result.signers) used.insert(signer.name);
    met.push_back(std::move(result));
  }
  return {oci::sha256(content), std::move(met)};
}

}  // namespace airlock::trust
