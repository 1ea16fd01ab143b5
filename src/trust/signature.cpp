// SPDX-License-Identifier: Apache-2.0
#include "airlock/trust/signature.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>

#include "airlock/base/error.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

// The approval's suffix ends like sigstore's, so it comes first.
constexpr std::array<std::pair<Form, std::string_view>, 4> suffixes{{{Form::approval, ".approval.sigstore.json"},
                                                                     {Form::sigstore, ".sigstore.json"},
                                                                     {Form::minisign, ".minisig"},
                                                                     {Form::raw, ".sig"}}};

std::string file_name(const std::string& stem, Form form) { return stem + std::string(suffix_of(form)); }

/// Base64 as openssl and coreutils write it, in lines.
std::optional<std::string> decode_lines(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return base64_decode(trim(text));
}

/// The bytes, or what tools write to NAME.sig instead: base64 (cosign) or signify's two lines. Neither DER nor 64
/// random bytes look like a line of text.
void parse_raw(const std::string& bytes, Signature& into) {
  constexpr std::size_t smallest = 64;
  if (is_minisign_text(bytes)) return parse_signify(bytes, into);
  if (const auto decoded = decode_lines(bytes); decoded && decoded->size() >= smallest) {
    into.bytes = *decoded;
    return;
  }
  if (const auto other = recognize_signature(bytes))
    throw Error(ErrorCode::format, fmt::format("{}: {}", into.file, other->what)).hint(other->hint);
  into.bytes = bytes;
}

}  // namespace

std::string_view suffix_of(Form form) {
  for (const auto& [known, suffix] : suffixes)
    if (known == form) return suffix;
  return {};
}

std::optional<Form> form_of(std::string_view file_name) {
  for (const auto& [form, suffix] : suffixes)
    if (file_name.ends_with(suffix)) return form;
  return std::nullopt;
}

std::vector<SignatureFile> sign(const PrivateKey& key, const std::string& stem, std::string_view content) {
  const std::string signature = key.sign(content);
  std::vector<SignatureFile> files{
      {file_name(stem, Form::raw), signature},
      {file_name(stem, Form::sigstore), format_message_bundle(key.public_key(), content, signature)}};
  if (key.public_key().algorithm() == Algorithm::ed25519)
    files.push_back({file_name(stem, Form::minisign),
                     format_minisig(key, std::filesystem::path(stem).filename().string(), signature)});
  return files;
}

std::vector<std::string> signature_names(const PublicKey& key, const std::string& stem) {
  std::vector<std::string> names{file_name(stem, Form::raw), file_name(stem, Form::sigstore)};
  if (key.algorithm() == Algorithm::ed25519) names.push_back(file_name(stem, Form::minisign));
  return names;
}

SignatureFile approve(const PrivateKey& key, const std::string& stem, std::string_view content, const Review& review) {
  const std::string statement = format_statement(key.public_key(), content, review);
  return {file_name(stem, Form::approval),
          format_dsse_bundle(key.public_key(), statement, key.sign(dsse_encoding(statement)))};
}

Signature Signature::parse(const SignatureFile& file) {
  const auto form = form_of(file.name);
  if (!form) {
    const auto other = recognize_signature(file.bytes);
    throw Error(ErrorCode::format,
                fmt::format("{}: {}", file.name, other ? other->what : "its name does not tell its form"))
        .hint(other ? other->hint : "names end in .sig, .sigstore.json, .minisig or .approval.sigstore.json");
  }
  Signature signature;
  signature.file = file.name;
  signature.stem = file.name.substr(0, file.name.size() - suffix_of(*form).size());
  signature.form = *form;
  try {
    switch (*form) {
      case Form::raw: parse_raw(file.bytes, signature); break;
      case Form::sigstore: parse_message_bundle(file.bytes, signature); break;
      case Form::minisign: parse_minisig(file.bytes, signature); break;
      case Form::approval: parse_dsse_bundle(file.bytes, signature); break;
    }
  } catch (Error& error) {
    error.hint("it was damaged, or is not what its name says; get the bundle or the file again from its signer");
    throw;
  }
  return signature;
}

bool Signature::is_by(const PublicKey& key, const SignedText& signed_content) const {
  if (form == Form::approval) return key.matches(encoded_payload, bytes);
  return prehashed ? key.matches_prehashed(signed_content, bytes) : key.matches(signed_content, bytes);
}

void Signature::check_trusted_comment(const PublicKey& key, const std::string& owner) const {
  if (form != Form::minisign) return;
  if (!key.matches(bytes + trusted_comment, trusted_comment_signature))
    throw Error(ErrorCode::trust, fmt::format("{}: its trusted comment was changed after {} signed it", file, owner))
        .hint(fmt::format("minisign would refuse it too; ask {} for the right file", owner));
}

bool signs(const SignatureFile& file, const PublicKey& key, std::string_view content) {
  const Signature signature = Signature::parse(file);
  if (signature.form == Form::approval)
    throw Error(ErrorCode::trust, file.name + ": an approval of a bundle, not a signature")
        .hint("give the signature: .sig, .sigstore.json or .minisig");
  if (!signature.is_by(key, SignedText(content))) return false;
  signature.check_trusted_comment(key, "its owner");
  return true;
}

void check_agreement(const std::vector<Signature>& signatures) {
  std::map<std::string, const Signature*> first;
  for (const Signature& signature : signatures) {
    // A prehashed signature is over other bytes than the forms that airlock writes.
    if (signature.form == Form::approval || signature.prehashed) continue;
    const auto [other, added] = first.try_emplace(signature.stem, &signature);
    if (!added && other->second->bytes != signature.bytes)
      throw Error(ErrorCode::trust,
                  fmt::format("{} and {} contain different signatures, but must be forms of the same one",
                              other->second->file, signature.file))
          .hint(
              "give one of them only, if the signer made them with two tools; else somebody changed one: ask the "
              "signer for the right one");
  }
}

void check_wrapped_content(const std::vector<Signature>& signatures, const SignedText& content) {
  for (const Signature& signature : signatures)
    if (signature.content && *signature.content != content.digest())
      throw Error(ErrorCode::trust,
                  fmt::format("{} is for other content, {}", signature.file, signature.content->str()))
          .hint("it belongs to another bundle, or was tampered with");
}

}  // namespace airlock::trust
