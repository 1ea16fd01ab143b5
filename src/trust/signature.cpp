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

/// Neither DER nor 64 random bytes look like a line of base64.
std::string raw_signature(const std::string& bytes) {
  constexpr std::size_t smallest = 64;
  const auto decoded = base64_decode(trim(bytes));
  return decoded && decoded->size() >= smallest ? *decoded : bytes;
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

SignatureFile approve(const PrivateKey& key, const std::string& stem, std::string_view content, const Review& review) {
  const std::string statement = format_statement(key.public_key(), content, review);
  return {file_name(stem, Form::approval),
          format_dsse_bundle(key.public_key(), statement, key.sign(dsse_encoding(statement)))};
}

Signature Signature::parse(const SignatureFile& file) {
  const auto form = form_of(file.name);
  if (!form)
    throw Error(ErrorCode::format, file.name + ": its name does not tell its form")
        .hint("names end in .sig, .sigstore.json, .minisig or .approval.sigstore.json");
  Signature signature;
  signature.file = file.name;
  signature.stem = file.name.substr(0, file.name.size() - suffix_of(*form).size());
  signature.form = *form;
  try {
    switch (*form) {
      case Form::raw: signature.bytes = raw_signature(file.bytes); break;
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

void check_agreement(const std::vector<Signature>& signatures) {
  std::map<std::string, const Signature*> first;
  for (const Signature& signature : signatures) {
    if (signature.form == Form::approval) continue;
    const auto [other, added] = first.try_emplace(signature.stem, &signature);
    if (!added && other->second->bytes != signature.bytes)
      throw Error(ErrorCode::trust,
                  fmt::format("{} and {} contain different signatures, but must be forms of the same one",
                              other->second->file, signature.file))
          .hint("somebody changed one of them; ask the signer for the right one");
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
