// SPDX-License-Identifier: Apache-2.0
// The result of verification: who signed what, and which rule that meets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "airlock/trust/signature.hpp"

namespace airlock::trust {

/// What one trusted key was found to have signed.
struct Signer {
  std::string name;         ///< the verifier's name for the key
  std::string fingerprint;  ///< PublicKey::fingerprint()
  std::string algorithm;
  bool revoked = false;
  std::vector<std::string> signature_files;  ///< over the content itself, in any form
  std::vector<std::string> approval_files;   ///< parallel to `approvals`
  std::vector<Approval> approvals;           ///< each about this content
  std::vector<std::string> foreign_files;    ///< statements about something else, which do not count here
  std::vector<std::string> foreign_reasons;  ///< parallel: about what
};

/// By the verifier's name for the key; only keys that signed something.
using Signers = std::map<std::string, Signer>;

/// One requirement and the keys that met it.
struct MetRequirement {
  std::string rule;  ///< "streams.production.require[0]"
  std::string role;
  unsigned threshold = 1;
  std::string attestation;  ///< empty: signatures
  struct Met {
    std::string name;
    std::string fingerprint;
    std::string algorithm;
    std::vector<std::string> files;
    std::optional<Approval> approval;
  };
  std::vector<Met> signers;
};

/// A rule other than a requirement, and why it holds.
struct MetRule {
  std::string rule;
  std::string finding;
};

/// Proof that a policy was met for one exact text. Only Policy::judge() makes one.
class Evidence {
 public:
  const oci::Digest& signed_content() const { return content_; }
  const std::string& policy_origin() const { return origin_; }
  const std::optional<oci::Digest>& policy_digest() const { return policy_; }
  const std::vector<MetRequirement>& requirements() const { return requirements_; }
  const std::vector<MetRule>& rules() const { return rules_; }
  /// Signature files that did not count, and why.
  const std::vector<std::string>& not_counted() const { return not_counted_; }
  /// Whether an import has to be recorded.
  bool tracks_serial() const { return tracks_serial_; }

 private:
  friend class Policy;
  explicit Evidence(const oci::Digest& content) : content_(content) {}
  oci::Digest content_;
  std::string origin_;
  std::optional<oci::Digest> policy_;
  std::vector<MetRequirement> requirements_;
  std::vector<MetRule> rules_;
  std::vector<std::string> not_counted_;
  bool tracks_serial_ = false;
};

}  // namespace airlock::trust
