// SPDX-License-Identifier: Apache-2.0
// From signature files to signers: which trusted key has signed what.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "airlock/base/error.hpp"
#include "trust/forms.hpp"
#include "trust/requirements.hpp"

namespace airlock::trust {

namespace {

/// Anyone with access to the medium can add a statement about something else; it must not make verification fail.
void add_approval(const Signature& signature, const SignedText& content, Signer& signer) {
  std::string reason;
  try {
    Approval approval = Approval::parse(signature.payload, "it");
    if (approval.subject == content.digest()) {
      signer.approval_files.push_back(signature.file);
      signer.approvals.push_back(std::move(approval));
      return;
    }
    reason = "an approval of another bundle, whose SHA256SUMS is " + approval.subject.str();
  } catch (const Error& error) {
    reason = "not an approval of a bundle: " + std::string(error.what());
  }
  signer.foreign_files.push_back(signature.file);
  signer.foreign_reasons.push_back(std::move(reason));
}

/// Signatures whose hint names this key come first, so that the limit on checks affects the others.
std::vector<const Signature*> likely_first(const std::vector<Signature>& signatures, const PublicKey& key) {
  const std::string id = minisign_key_id(key);
  std::vector<const Signature*> ordered;
  for (const Signature& signature : signatures) ordered.push_back(&signature);
  std::stable_partition(ordered.begin(), ordered.end(), [&](const Signature* signature) {
    return signature->key_hint == key.fingerprint() || signature->key_hint == id;
  });
  return ordered;
}

/// What one key has signed; nothing if it signed nothing.
std::optional<Signer> find_signer(const TrustedKey& trusted, const SignedText& content,
                                  const std::vector<Signature>& signatures) {
  std::optional<Signer> signer;
  // All forms of one signature have the same bytes, but for those over another hash.
  std::map<std::pair<std::string_view, bool>, bool> known;
  for (const Signature* signature : likely_first(signatures, trusted.key)) {
    const bool approval = signature->form == Form::approval;
    bool matches = false;
    if (approval) {
      matches = signature->is_by(trusted.key, content);
    } else {
      const auto [found, is_new] = known.try_emplace({signature->bytes, signature->prehashed}, false);
      if (is_new) found->second = signature->is_by(trusted.key, content);
      matches = found->second;
    }
    if (!matches) continue;
    if (!signer) signer = Signer{trusted.name, trusted.key.fingerprint(), to_string(trusted.key.algorithm())};
    signature->check_trusted_comment(trusted.key, trusted.name);
    if (approval)
      add_approval(*signature, content, *signer);
    else
      signer->signature_files.push_back(signature->file);
  }
  return signer;
}

/// Where nothing else was signed by a trusted key, that is the cause: no key can match.
void refuse_keyless(const std::vector<Signature>& signatures, const Signers& signers,
                    const std::vector<Error>& refusals) {
  const auto found = std::find_if(signatures.begin(), signatures.end(), [](const auto& s) { return s.keyless; });
  if (found == signatures.end() || !signers.empty()) return;
  throw Error(ErrorCode::trust, fmt::format("{}; {} was made without a lasting key (keyless, with a certificate)",
                                            refusals.front().what(), found->file))
      .hint("airlock trusts keys, not certificates: have it signed with one (cosign sign-blob --key)");
}

}  // namespace

Signers find_signers(const PolicyContent& policy, const SignedText& content, const std::vector<Signature>& signatures) {
  Signers signers;
  for (const TrustedKey& trusted : policy.keys) {
    auto signer = find_signer(trusted, content, signatures);
    if (!signer) continue;
    signer->revoked = policy.revoked.contains(trusted.key.spki());
    signers.emplace(trusted.name, std::move(*signer));
  }
  return signers;
}

namespace {

/// A reviewer whom the policy names has said no: that counts, however many others approve.
void refuse_rejections(const Signers& signers) {
  std::vector<std::string> rejections;
  for (const auto& [name, signer] : signers)
    for (const Approval& statement : signer.approvals)
      if (statement.rejected && !signer.revoked)
        rejections.push_back(fmt::format("{} ({}) rejects it{}: \"{}\"", name, signer.fingerprint,
                                         statement.time.empty() ? "" : ", " + printable(statement.time, 40),
                                         printable(statement.comment)));
  if (rejections.empty()) return;
  throw Error(ErrorCode::trust, Side::bundle, join(rejections, "\n  "))
      .hint("ask the reviewer; the exporter has to make a bundle that he approves");
}

}  // namespace

Authentication Policy::authenticate(std::string_view text, const std::vector<SignatureFile>& files,
                                    const Circumstances& circumstances) const {
  constexpr std::size_t most_files = 256;  // a bundle has room for 62; others may be sidecar files
  if (files.size() > most_files)
    throw Error(ErrorCode::trust, fmt::format("{} signature files; at most {} are checked", files.size(), most_files))
        .hint("give only the --signature files that the policy requires");
  const SignedText content(text);
  std::vector<Signature> signatures;
  signatures.reserve(files.size());
  for (const SignatureFile& file : files) signatures.push_back(Signature::parse(file));
  check_agreement(signatures);

  Authentication result(content.digest());
  result.signers_ = find_signers(content_, content, signatures);
  for (const Signature& signature : signatures) result.files_.push_back(signature.file);
  refuse_rejections(result.signers_);

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
  if (content.exhausted())
    throw Error(ErrorCode::trust, fmt::format("it has more signatures than airlock checks over a list of {}, and "
                                              "those that were checked do not suffice",
                                              human_size(text.size())))
        .hint("it was probably filled with junk signatures; get the bundle again from its exporter");
  refuse_keyless(signatures, result.signers_, refusals);
  if (refusals.size() == 1) throw refusals.front();
  std::vector<std::string> texts;
  for (const Error& error : refusals) texts.emplace_back(error.what());
  throw Error(ErrorCode::trust,
              fmt::format("its signatures satisfy no stream of {}: {}", content_.origin, join(texts, "; ")))
      .hint("name the stream with --stream to see only what it lacks");
}

bool Policy::knows_a_signer(std::string_view text, const std::vector<SignatureFile>& files) const {
  const SignedText content(text);
  std::vector<Signature> signatures;
  for (const SignatureFile& file : files) signatures.push_back(Signature::parse(file));
  const Signers signers = find_signers(content_, content, signatures);
  return std::any_of(signers.begin(), signers.end(), [](const auto& signer) {
    return !signer.second.revoked && !signer.second.signature_files.empty();
  });
}

}  // namespace airlock::trust
