// SPDX-License-Identifier: Apache-2.0
// Who must have signed. The verifier's policy decides, never the bundle: nothing in a bundle names the keys to trust.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "airlock/trust/key.hpp"

namespace airlock::trust {

/// A key that the verifier trusts, under the verifier's own name for it.
struct TrustedKey {
  std::string name;
  PublicKey key;
};

/// So many distinct keys of these must have signed.
struct Requirement {
  std::string role;               ///< "exporter", "reviewer": free text for the report
  std::vector<std::string> keys;  ///< names of TrustedKeys
  unsigned threshold = 1;
};

/// A detached signature as it was found, before anybody believed it.
struct SignatureFile {
  std::string name;   ///< path in the bundle or of a sidecar file, for messages
  std::string bytes;  ///< raw signature (DER for ECDSA)
};

/// One requirement and the keys that met it.
struct MetRequirement {
  std::string role;
  unsigned threshold = 1;
  struct Signer {
    std::string name;         ///< the verifier's name for the key
    std::string fingerprint;  ///< PublicKey::fingerprint()
    std::string algorithm;
    std::string signature;  ///< SignatureFile::name
  };
  std::vector<Signer> signers;
};

/// Proof that a policy was met for one exact text. Only authenticate() makes one.
class Evidence {
 public:
  const oci::Digest& signed_content() const { return content_; }
  const std::vector<MetRequirement>& requirements() const { return requirements_; }

 private:
  friend class Policy;
  Evidence(const oci::Digest& content, std::vector<MetRequirement> requirements)
      : content_(content), requirements_(std::move(requirements)) {}
  oci::Digest content_;
  std::vector<MetRequirement> requirements_;
};

/// The verifier's rules.
class Policy {
 public:
  /// The short form `--key PUB`: this key must have signed as exporter.
  static Policy single_key(std::string name, PublicKey key);
  /// Checked: at least one requirement, known and distinct keys, thresholds that can be met. An Error (code `trust`).
  Policy(std::vector<TrustedKey> keys, std::vector<Requirement> requirements);

  /// Checks the signatures over `content` against every requirement. One key fills one role and counts once, however
  /// many signatures it made. An Error (code `trust`) names the first requirement that is not met and what was found.
  Evidence authenticate(std::string_view content, const std::vector<SignatureFile>& signatures) const;

 private:
  std::vector<TrustedKey> keys_;
  std::vector<Requirement> requirements_;
};

}  // namespace airlock::trust
