// SPDX-License-Identifier: Apache-2.0
// From signature files to signers: which trusted key has signed what.
#include <algorithm>

#include "airlock/base/error.hpp"
#include "trust/requirements.hpp"

namespace airlock::trust {

namespace {

/// minisign would refuse a changed trusted comment, so airlock does too.
void check_trusted_comment(const TrustedKey& trusted, const Signature& signature) {
  if (signature.form != Form::minisign) return;
  if (!trusted.key.matches(signature.bytes + signature.trusted_comment, signature.trusted_comment_signature))
    throw Error(ErrorCode::trust,
                signature.file + ": its trusted comment was changed after " + trusted.name + " signed it")
        .hint("minisign would refuse it too; ask " + trusted.name + " for the right file");
}

/// Anybody with the medium can put a statement about something else into this bundle; it must not stand in the way.
void add_approval(const Signature& signature, std::string_view content, Signer& signer) {
  std::string reason;
  try {
    Approval approval = Approval::parse(signature.payload, "it");
    if (approval.subject == oci::sha256(content)) {
      signer.approval_files.push_back(signature.file);
      signer.approvals.push_back(std::move(approval));
      return;
    }
    reason = "an approval of another bundle, whose SHA256SUMS is " + approval.subject.str();
  } catch (const Error& error) {
    reason = "no approval of a bundle: " + std::string(error.what());
  }
  signer.foreign_files.push_back(signature.file);
  signer.foreign_reasons.push_back(std::move(reason));
}

}  // namespace

Signers find_signers(const PolicyContent& policy, std::string_view content, const std::vector<Signature>& signatures) {
  Signers signers;
  for (const TrustedKey& trusted : policy.keys)
    for (const Signature& signature : signatures) {
      if (!trusted.key.matches(signature.message(content), signature.bytes)) continue;
      Signer& signer = signers[trusted.name];
      signer.name = trusted.name;
      signer.fingerprint = trusted.key.fingerprint();
      signer.algorithm = to_string(trusted.key.algorithm());
      signer.revoked = policy.revoked.contains(trusted.key.spki());
      check_trusted_comment(trusted, signature);
      if (signature.form == Form::approval)
        add_approval(signature, content, signer);
      else
        signer.signature_files.push_back(signature.file);
    }
  return signers;
}

Authentication Policy::authenticate(std::string_view content, const std::vector<SignatureFile>& files,
                                    const Circumstances& circumstances) const {
  std::vector<Signature> signatures;
  signatures.reserve(files.size());
  for (const SignatureFile& file : files) signatures.push_back(Signature::parse(file));
  check_agreement(signatures);

  Authentication result(oci::sha256(content));
  result.signers_ = find_signers(content_, content, signatures);
  for (const Signature& signature : signatures) result.files_.push_back(signature.file);

  std::vector<std::string> candidates;
  if (circumstances.stream)
    candidates.push_back(*circumstances.stream);
  else if (content_.any_stream)
    candidates.emplace_back();
  else
    for (const auto& [name, rules] : content_.streams) candidates.push_back(name);
  std::vector<Error> refusals;
  for (const std::string& stream : candidates) {
    try {
      static_cast<void>(assign_signers(stream, result));
    } catch (const Error& error) {
      refusals.push_back(error);
    }
  }
  if (refusals.size() < candidates.size()) {
    check_wrapped_content(signatures, content);
    return result;
  }
  if (refusals.size() == 1) throw refusals.front();
  std::vector<std::string> texts;
  for (const Error& error : refusals) texts.emplace_back(error.what());
  throw Error(ErrorCode::trust,
              "its signatures are enough for no stream of " + content_.origin + ": " + join(texts, "; "))
      .hint("name the stream with --stream to see only what that one lacks");
}

}  // namespace airlock::trust
