// SPDX-License-Identifier: Apache-2.0
// Writing and reading each form; signature.cpp chooses among them.
#pragma once

#include "airlock/base/json.hpp"
#include "airlock/trust/signature.hpp"

namespace airlock::trust {

/// sigstore.cpp
std::string format_message_bundle(const PublicKey& key, std::string_view content, std::string_view signature);
std::string format_dsse_bundle(const PublicKey& key, std::string_view payload, std::string_view signature);
void parse_message_bundle(std::string_view text, Signature& into);
void parse_dsse_bundle(std::string_view text, Signature& into);
/// DSSE's pre-authentication encoding of an in-toto payload.
std::string dsse_encoding(std::string_view payload);

/// minisign.cpp
std::string format_minisig(const PrivateKey& key, const std::string& signer, std::string_view signature);
void parse_minisig(std::string_view text, Signature& into);
/// Whether a file begins as those of minisign and signify do.
bool is_minisign_text(std::string_view text);
/// signify's: an untrusted comment and the signature, nothing else.
void parse_signify(std::string_view text, Signature& into);
/// The 32 bytes of the Ed25519 key in a public key file of minisign or signify (one format); nothing for anything else.
std::optional<std::string> parse_minisign_public_key(std::string_view text);
/// By which minisign tells keys apart; airlock's own follow from the key.
std::string minisign_key_id(const PublicKey& key);

/// recognize.cpp
/// A file of another tool that airlock does not take: what it is, and how its owner goes on.
struct OtherFile {
  std::string what;
  std::string hint;
};
/// A key file; nothing for what is not known.
std::optional<OtherFile> recognize_key(std::string_view text);
/// What is no raw signature, in a file named NAME.sig.
std::optional<OtherFile> recognize_signature(std::string_view text);
/// JSON that is not the bundle which its name promises.
std::optional<OtherFile> recognize_bundle(const Json& bundle, Form form);

/// approval.cpp
std::string format_statement(const PublicKey& key, std::string_view content, const Review& review);

}  // namespace airlock::trust
