// SPDX-License-Identifier: Apache-2.0
// The forms of a signature, so that other tools can check it. All forms of one signer contain the
// same signature over the raw bytes of SHA256SUMS; an approval signs a statement about them.
//
//   NAME.sig                     raw: DER for ECDSA, 64 bytes for Ed25519               openssl
//                                also in base64 (cosign sign-blob --output-signature), or as signify writes it
//   NAME.sigstore.json           sigstore bundle v0.3, messageSignature, managed key    cosign, @sigstore/verify
//   NAME.minisig                 Ed25519 only; airlock's are not prehashed ("Ed")       minisign
//   NAME.approval.sigstore.json  sigstore bundle v0.3, DSSE envelope, in-toto Statement v1, SVR predicate v0.2
//
// Those of others are read as their tools write them: sigstore bundles from v0.1 on, Statement v0.1, prehashed
// minisign.
//
// Sources: github.com/sigstore/protobuf-specs (sigstore_bundle.proto), github.com/secure-systems-lab/dsse
// (protocol.md, "PAE"), github.com/in-toto/attestation (spec/v1/statement.md, spec/predicates/svr.md),
// jedisct1.github.io/minisign ("Signature format"), signify(1) of OpenBSD.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/text.hpp"
#include "airlock/oci/digest.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::trust {

/// The name of what is signed, as it stands in statements.
inline constexpr std::string_view signed_file = "SHA256SUMS";
/// What an approval must have among its properties, and what it has when airlock checked every byte first.
inline constexpr std::string_view approved_property = "AIRLOCK_REVIEW_APPROVED";
inline constexpr std::string_view checked_property = "AIRLOCK_CONTENT_VERIFIED";
/// What a rejection has instead of the first.
inline constexpr std::string_view rejected_property = "AIRLOCK_REVIEW_REJECTED";
/// Predicate type of approvals.
inline constexpr std::string_view svr_predicate_type = "https://in-toto.io/attestation/svr/v0.2";

enum class Form { raw, sigstore, minisign, approval };

/// ".sig", ".sigstore.json", ".minisig", ".approval.sigstore.json".
std::string_view suffix_of(Form form);
/// By the file's name; nothing for a name that ends in none of the suffixes.
std::optional<Form> form_of(std::string_view file_name);

/// A signature file as found, not yet verified.
struct SignatureFile {
  std::string name;  ///< path in the bundle or of a sidecar file
  std::string bytes;
};

/// To a question of the policy.
struct Answer {
  std::string question;
  std::string answer;
};

/// Whether an answer approves nothing: it is "no", or no text at all.
bool declines(std::string_view answer);

/// A reviewer's statement about a bundle.
struct Review {
  std::string reviewer;
  std::string comment;
  Time time{};
  bool content_checked = false;                       ///< airlock checked every byte right before
  bool rejects = false;                               ///< the comment says why
  std::map<std::string, oci::Digest> documents = {};  ///< what it was made with: a report, a policy, findings, by name
  std::vector<Answer> checklist = {};                 ///< in the policy's order
};

/// The signature of `key` over `content` in every form that the key has; the names start with `stem`.
std::vector<SignatureFile> sign(const PrivateKey& key, const std::string& stem, std::string_view content);
/// How those files are named.
std::vector<std::string> signature_names(const PublicKey& key, const std::string& stem);

/// A signed statement that the reviewer approves `content`, or rejects it.
SignatureFile approve(const PrivateKey& key, const std::string& stem, std::string_view content, const Review& review);

/// A parsed SignatureFile, not yet verified.
struct Signature {
  std::string file;  ///< SignatureFile::name
  std::string stem;  ///< the same without the form's suffix
  Form form = Form::raw;
  std::string bytes;     ///< the signature proper
  std::string key_hint;  ///< sigstore: a fingerprint; minisign: a key id. Only decides what is tried first
  std::optional<oci::Digest> content;     ///< sigstore: digest of what is signed, where it says so
  std::string payload;                    ///< approval: the statement's text
  std::string encoded_payload;            ///< approval: what its signature is over (DSSE)
  bool keyless = false;                   ///< sigstore: made with a certificate's key that nobody keeps
  bool prehashed = false;                 ///< minisign: over the text's BLAKE2b-512 hash
  std::string trusted_comment;            ///< minisign
  std::string trusted_comment_signature;  ///< minisign

  /// An Error (code `format`) for anything that is not of the form its name says.
  static Signature parse(const SignatureFile& file);

  /// Whether this key made it: over `signed_content`, or over the approval's own statement in DSSE's encoding. The
  /// trusted comment of minisign is not looked at.
  bool is_by(const PublicKey& key, const SignedText& signed_content) const;
  /// Refuses (code `trust`) a trusted comment that `key` did not sign, as minisign does. REQUIRES: is_by() the key.
  void check_trusted_comment(const PublicKey& key, const std::string& owner) const;
};

/// Whether this file is the key's signature over `content`, in any form but an approval (an Error, code `trust`). An
/// Error (code `format`) for anything that is not of the form its name says.
bool signs(const SignatureFile& file, const PublicKey& key, std::string_view content);

/// Refuses (code `trust`) two forms of one name that do not contain the same signature.
void check_agreement(const std::vector<Signature>& signatures);

/// Refuses (code `trust`) a wrapper that names other content.
void check_wrapped_content(const std::vector<Signature>& signatures, const SignedText& content);

/// A statement that a trusted key has signed.
struct Approval {
  oci::Digest subject;  ///< of the one subject, SHA256SUMS
  std::string predicate_type;
  std::string reviewer;
  std::string comment;
  std::string time;              ///< as the reviewer's machine wrote it
  bool approved = false;         ///< its properties say AIRLOCK_REVIEW_APPROVED
  bool content_checked = false;  ///< and AIRLOCK_CONTENT_VERIFIED
  bool rejected = false;         ///< they say AIRLOCK_REVIEW_REJECTED: then it is no approval, whatever else they say
  std::map<std::string, std::string> documents = {};  ///< digests by name, as the reviewer wrote them
  std::vector<Answer> checklist = {};                 ///< likewise

  /// "approved" or "rejected"; "none" for a statement that says neither, or is of another type.
  std::string decision() const;

  /// An Error (code `format`) for anything but an in-toto Statement (v1; v0.1, as cosign attest-blob writes it) with
  /// the one subject SHA256SUMS. `where` names it.
  static Approval parse(std::string_view payload, const std::string& where);
};

/// What a statement beside a bundle says: whoever wrote the file can have written anything.
struct Claim {
  std::string file;                  ///< SignatureFile::name
  std::optional<Approval> approval;  ///< nothing: a signature, or a statement that cannot be read
};
/// One for each file, in their order. Nobody's signature is checked.
std::vector<Claim> unchecked_claims(const std::vector<SignatureFile>& files);

/// Whether the signature is around an approval of this content; its signature is not checked.
bool approves(const Signature& signature, std::string_view content);

/// The public key file of minisign. REQUIRES: an Ed25519 key.
std::string minisign_public_key(const PublicKey& key);

}  // namespace airlock::trust
