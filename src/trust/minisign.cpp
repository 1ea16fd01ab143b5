// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

constexpr std::string_view plain_algorithm = "Ed";
constexpr std::string_view prehashed_algorithm = "ED";  // over the BLAKE2b-512 hash: what minisign writes without -l
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

/// As minisign reads them: an end of line of either kind, and none needed after the last line.
std::vector<std::string> lines_of(std::string_view text) {
  auto lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  for (std::string& line : lines)
    if (line.ends_with('\r')) line.pop_back();
  return lines;
}

/// The line with algorithm, key id and signature.
void read_signature_line(const std::string& line, Signature& into) {
  const auto bytes = base64_decode(line);
  if (!bytes || bytes->size() != plain_algorithm.size() + key_id_size + signature_size)
    refuse_minisign(into.file, "line 2 is not a signature");
  into.prehashed = bytes->starts_with(prehashed_algorithm);
  if (!into.prehashed && !bytes->starts_with(plain_algorithm)) refuse_minisign(into.file, "an unknown algorithm");
  into.key_hint = bytes->substr(plain_algorithm.size(), key_id_size);
  into.bytes = bytes->substr(plain_algorithm.size() + key_id_size);
}

}  // namespace

std::string minisign_public_key(const PublicKey& key) {
  return fmt::format("{}minisign public key {}\n{}\n", untrusted_prefix, key_id_text(key),
                     base64_encode(std::string(plain_algorithm) + key_id(key) + key.ed25519_bytes()));
}

std::string format_minisig(const PrivateKey& key, const std::string& signer, std::string_view signature) {
  const std::string comment = fmt::format("{} of an airlock bundle, signed by {}", signed_file, signer);
  const std::string line =
      base64_encode(std::string(plain_algorithm) + key_id(key.public_key()) + std::string(signature));
  return fmt::format("{}signature by the key {}\n{}\n{}{}\n{}\n", untrusted_prefix, key_id_text(key.public_key()), line,
                     trusted_prefix, comment, base64_encode(key.sign(std::string(signature) + comment)));
}

std::string minisign_key_id(const PublicKey& key) { return key_id(key); }

std::optional<std::string> parse_minisign_public_key(std::string_view text) {
  auto lines = split(text, '\n');
  if (lines.size() > 1 && lines[0].starts_with(untrusted_prefix)) lines.erase(lines.begin());
  const auto bytes = base64_decode(trim(lines[0]));
  constexpr std::size_t key_size = 32;
  if (!bytes || bytes->size() != plain_algorithm.size() + key_id_size + key_size ||
      !bytes->starts_with(plain_algorithm))
    return std::nullopt;
  return bytes->substr(plain_algorithm.size() + key_id_size);
}

bool is_minisign_text(std::string_view text) { return text.starts_with(untrusted_prefix); }

void parse_minisig(std::string_view text, Signature& into) {
  const auto lines = lines_of(text);
  if (lines.size() == 2 && is_minisign_text(text))
    throw Error(ErrorCode::format, into.file + ": a signature of signify, without minisign's trusted comment")
        .hint("name it NAME.sig");
  if (lines.size() != 4) refuse_minisign(into.file, "not four lines");
  if (!is_minisign_text(lines[0])) refuse_minisign(into.file, "line 1 is not an untrusted comment");
  if (!lines[2].starts_with(trusted_prefix)) refuse_minisign(into.file, "line 3 is not a trusted comment");
  read_signature_line(lines[1], into);
  const auto global = base64_decode(lines[3]);
  if (!global || global->size() != signature_size) refuse_minisign(into.file, "line 4 is not a signature");
  into.trusted_comment = lines[2].substr(trusted_prefix.size());
  into.trusted_comment_signature = *global;
}

void parse_signify(std::string_view text, Signature& into) {
  const auto lines = lines_of(text);
  if (lines.size() == 4 && lines[2].starts_with(trusted_prefix))
    throw Error(ErrorCode::format, into.file + ": a signature of minisign").hint("name it NAME.minisig");
  if (lines.size() > 2)
    throw Error(ErrorCode::format, into.file + ": a signature of signify with the signed text in it")
        .hint("sign without -e: signify -S -s KEY -m SHA256SUMS -x NAME.sig");
  if (lines.size() != 2) refuse_minisign(into.file, "not two lines");
  read_signature_line(lines[1], into);
  // signify has no such form; NAME.sig of minisign's would come without its trusted comment.
  if (into.prehashed) refuse_minisign(into.file, "an unknown algorithm");
}

}  // namespace airlock::trust
