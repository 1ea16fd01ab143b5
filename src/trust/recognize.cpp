// SPDX-License-Identifier: Apache-2.0
// Names files of other tools that airlock does not take, with the way out. Without it their owner would be told that
// the file was damaged, or that somebody else signed.
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

constexpr const char* commands_in_docs = "the commands are in docs/verify-without-airlock.md, section 6";

/// What a file has at the start of one of its lines, and what it is then.
struct Mark {
  std::string_view text;
  std::string_view what;
  std::string_view hint;
};

constexpr const char* use_cosign =
    "sign with cosign and give airlock its file with --signature (docs/verify-without-airlock.md, section 6); the "
    "public key is there with: cosign public-key --key KEY";
constexpr const char* other_private =
    "sign with a key that airlock, openssl, cosign, minisign or signify made; airlock keygen NAME makes one";
constexpr const char* other_public =
    "airlock takes keys of openssl, cosign, minisign and signify; ask the signer for one of these";
constexpr const char* from_ssh = "convert it: ssh-keygen -e -m PKCS8 -f FILE > NAME.pub";

constexpr std::array<Mark, 13> key_marks{
    {{"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----", "a private key in cosign's own form, which only cosign opens",
      use_cosign},
     {"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----", "a private key in cosign's own form, which only cosign opens",
      use_cosign},
     {"-----BEGIN OPENSSH PRIVATE KEY-----", "a private key of OpenSSH", other_private},
     {"-----BEGIN PGP PRIVATE KEY BLOCK-----", "a private key of OpenPGP (gpg)", other_private},
     {"-----BEGIN PGP PUBLIC KEY BLOCK-----", "a public key of OpenPGP (gpg)", other_public},
     {"-----BEGIN CERTIFICATE-----", "a certificate, not a public key",
      "take its key: openssl x509 -in FILE -pubkey -noout > NAME.pub"},
     {"-----BEGIN RSA PUBLIC KEY-----", "an RSA public key in the older form, PKCS#1",
      "convert it: openssl rsa -RSAPublicKey_in -in FILE -pubout > NAME.pub"},
     {"---- BEGIN SSH2 PUBLIC KEY ----", "a public key of SSH", other_public},
     {"ssh-ed25519 ", "a public key of OpenSSH", other_public},
     {"ecdsa-sha2-nistp256 ", "a public key of OpenSSH", from_ssh},
     {"ssh-rsa ", "a public key of OpenSSH", from_ssh},
     {"sk-ssh-", "a public key of OpenSSH in a hardware token", other_public},
     {"sk-ecdsa-", "a public key of OpenSSH in a hardware token", other_public}}};

constexpr const char* other_signature =
    "airlock takes signatures of openssl, cosign, minisign and signify; ask the signer for one of these";

constexpr std::array<Mark, 4> signature_marks{
    {{"-----BEGIN PGP SIGNATURE-----", "a signature of OpenPGP (gpg)", other_signature},
     {"-----BEGIN SSH SIGNATURE-----", "a signature of OpenSSH", other_signature},
     {"-----BEGIN PKCS7-----", "a signature in CMS (S/MIME)", other_signature},
     {"-----BEGIN CMS-----", "a signature in CMS (S/MIME)", other_signature}}};

std::optional<OtherFile> find_mark(std::string_view text, const auto& marks) {
  for (const Mark& mark : marks) {
    const auto at = text.find(mark.text);
    if (at != std::string_view::npos && (at == 0 || text[at - 1] == '\n'))
      return OtherFile{std::string(mark.what), std::string(mark.hint)};
  }
  return std::nullopt;
}

/// minisign's and signify's secret keys begin with the algorithm and how the rest is encrypted: a key derivation of
/// minisign's ("Sc", or none), bcrypt ("BK") of signify's, and then far more than a public key has.
std::optional<OtherFile> find_minisign_secret(std::string_view text) {
  const auto lines = split(text, '\n');
  const auto bytes = base64_decode(trim(lines.size() > 1 ? lines[1] : lines[0]));
  constexpr std::size_t smallest = 100;
  if (!bytes || bytes->size() < smallest || !bytes->starts_with("Ed")) return std::nullopt;
  const bool signify = bytes->substr(2, 2) == "BK";
  const std::string tool = signify ? "signify" : "minisign";
  return OtherFile{fmt::format("a secret key of {}, which only {} opens", tool, tool),
                   fmt::format("sign with {} and give airlock its file with --signature; {}", tool, commands_in_docs)};
}

/// A SubjectPublicKeyInfo without PEM around it.
std::optional<OtherFile> find_der(std::string_view text) {
  constexpr std::size_t smallest = 32;
  if (text.size() < smallest || text[0] != '\x30') return std::nullopt;
  return OtherFile{"binary (DER), not PEM", "convert it: openssl pkey -pubin -inform DER -in FILE -pubout > NAME.pub"};
}

/// An OpenPGP packet of a signature (RFC 9580, section 4.2) that fills the file: gpg --detach-sign names it NAME.sig.
bool is_pgp_packet(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  // No length of a signature that is taken, so that none is refused by chance.
  if (bytes.size() < 4 || bytes.size() % 64 == 0) return false;
  return (at(0) == 0x88 && at(1) == bytes.size() - 2) || (at(0) == 0x89 && at(1) * 256U + at(2) == bytes.size() - 3) ||
         (at(0) == 0xC2 && at(1) < 192 && at(1) == bytes.size() - 2);
}

}  // namespace

std::optional<OtherFile> recognize_key(std::string_view text) {
  if (auto found = find_mark(text, key_marks)) return found;
  if (auto found = find_minisign_secret(text)) return found;
  return find_der(text);
}

std::optional<OtherFile> recognize_signature(std::string_view text) {
  if (auto found = find_mark(text, signature_marks)) return found;
  if (is_pgp_packet(text)) return OtherFile{"a signature of OpenPGP (gpg)", other_signature};
  // All of it: a bare signature may begin with any byte.
  if (Json::parse(text, nullptr, false).is_object())
    return OtherFile{"JSON, not a bare signature",
                     "a sigstore bundle is named NAME.sigstore.json, an approval NAME.approval.sigstore.json"};
  return std::nullopt;
}

std::optional<OtherFile> recognize_bundle(const Json& bundle, Form form) {
  const auto has = [&](const char* key) { return bundle.contains(key); };
  const std::string attest =
      fmt::format("ask for a sigstore bundle: cosign attest-blob --bundle; {}", commands_in_docs);
  if (has("base64Signature")) {
    const Json& value = bundle["base64Signature"];
    const auto bytes = value.is_string() ? base64_decode(trim(value.get_ref<const std::string&>())) : std::nullopt;
    if (bytes && Json::parse(*bytes, nullptr, false).is_object())
      return OtherFile{"an attestation in cosign's older bundle format", attest};
    return OtherFile{"a signature in cosign's older bundle format",
                     "take the signature out of it: jq -r .base64Signature FILE > NAME.sig; or sign with "
                     "cosign sign-blob --new-bundle-format"};
  }
  if (has("payloadType") && has("signatures"))
    return OtherFile{"a DSSE envelope without a sigstore bundle around it", attest};
  if (has("_type") && has("predicateType")) return OtherFile{"an in-toto statement that nobody signed", attest};
  if (has("payload") && (has("protected") || has("signatures")))
    return OtherFile{"a JWS, as notation writes it", other_signature};
  if (form == Form::sigstore && has("dsseEnvelope") && !has("messageSignature"))
    return OtherFile{"a bundle with an attestation", "name it NAME.approval.sigstore.json"};
  if (form == Form::approval && has("messageSignature") && !has("dsseEnvelope"))
    return OtherFile{"a bundle with a signature, not an approval", "name it NAME.sigstore.json"};
  return std::nullopt;
}

}  // namespace airlock::trust
