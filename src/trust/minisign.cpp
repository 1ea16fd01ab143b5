// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

constexpr std::string_view algorithm = "Ed";  // "ED" would be a signature over the BLAKE2b hash instead
constexpr std::string_view untrusted_prefix = "untrusted comment: ";
constexpr std::string_view trusted_prefix = "trusted comment: ";
constexpr std::size_t key_id_size = 8;
constexpr std::size_t signature_size = 64;

/// minisign's key ids are random; this one is derived from the key.
std::string key_id(const PublicKey& key) { return key.spki().bytes().substr(0, key_id_size); }

/// As minisign prints it: a little-endian number.
std::string key_id_text(const PublicKey& key) {
  std::string id = key_id(key);
  std::reverse(id.begin(), id.end());
  std::string text = hex_encode(id);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return text;
}

[[noreturn]] void refuse_minisign(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: not a minisign signature: {}", file, why));
}

}  // namespace

std::string minisign_public_key(const PublicKey& key) {
  return fmt::format("{}minisign public key {}\n{}\n", untrusted_prefix, key_id_text(key),
                     base64_encode(std::string(algorithm) + key_id(key) + key.ed25519_bytes()));
}

std::string format_minisig(const PrivateKey& key, const std::string& signer, std::string_view signature) {
  const std::string comment = fmt::format("{} of an airlock bundle, signed by {}", signed_file, signer);
  const std::string line = base64_encode(std::string(algorithm) + key_id(key.public_key()) + std::string(signature));
  return fmt::format("{}signature by the key {}\n{}\n{}{}\n{}\n", untrusted_prefix, key_id_text(key.public_key()), line,
                     trusted_prefix, comment, base64_encode(key.sign(std::string(signature) + comment)));
}

std::string minisign_key_id(const PublicKey& key) { return key_id(key); }

std::optional<std::string> parse_minisign_public_key(std::string_view text) {
  auto lines = split(text, '\n');
  if (lines.size() > 1 && lines[0].starts_with(untrusted_prefix)) lines.erase(lines.begin());
  const auto bytes = base64_decode(trim(lines[0]));
  constexpr std::size_t key_size = 32;
  if (!bytes || bytes->size() != algorithm.size() + key_id_size + key_size || !bytes->starts_with(algorithm))
    return std::nullopt;
  return bytes->substr(algorithm.size() + key_id_size);
}

void parse_minisig(std::string_view text, Signature& into) {
  const auto lines = split(text, '\n');
  if (lines.size() != 5 || !lines[4].empty()) refuse_minisign(into.file, "not four lines");
  if (!lines[0].starts_with(untrusted_prefix)) refuse_minisign(into.file, "line 1 is not an untrusted comment");
  if (!lines[2].starts_with(trusted_prefix)) refuse_minisign(into.file, "line 3 is not a trusted comment");
  const auto signature = base64_decode(lines[1]);
  if (!signature || signature->size() != algorithm.size() + key_id_size + signature_size)
    refuse_minisign(into.file, "line 2 is not a signature");
  if (signature->starts_with("ED"))
    throw Error(ErrorCode::format, into.file + ": a prehashed signature, which airlock does not support")
        .hint("sign without prehashing: minisign -S -l");
  if (!signature->starts_with(algorithm)) refuse_minisign(into.file, "an unknown algorithm");
  const auto global = base64_decode(lines[3]);
  if (!global || global->size() != signature_size) refuse_minisign(into.file, "line 4 is not a signature");
  into.key_hint = signature->substr(algorithm.size(), key_id_size);
  into.bytes = signature->substr(algorithm.size() + key_id_size);
  into.trusted_comment = lines[2].substr(trusted_prefix.size());
  into.trusted_comment_signature = *global;
}

}  // namespace airlock::trust
