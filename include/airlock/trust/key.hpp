// SPDX-License-Identifier: Apache-2.0
// Signing keys. Private keys are PKCS#8 PEM (RFC 5958), encrypted with scrypt (RFC 7914) unless the owner declines;
// public keys are SubjectPublicKeyInfo PEM (RFC 7468), the form that openssl and cosign read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/base/secret.hpp"
#include "airlock/oci/digest.hpp"

namespace airlock::trust {

/// Bytes of a file that holds one key; a longer one is no key.
inline constexpr std::size_t max_key_file = 64U << 10;

/// The signature algorithms that airlock makes and accepts (docs/bundle-format.md, "Signatures").
enum class Algorithm {
  ecdsa_p256_sha256,  ///< DER-encoded ECDSA over NIST P-256 with SHA-256
  ed25519,            ///< pure Ed25519 (RFC 8032) over the whole text
  rsa_pkcs1_sha256    ///< RSASSA-PKCS1-v1_5 with SHA-256, modulus of 3072 bits and up
};

/// "ecdsa-p256-sha256", "ed25519", "rsa-pkcs1-sha256".
std::string to_string(Algorithm algorithm);

/// An OpenSSL key behind a pointer that keeps OpenSSL's headers out of other modules.
struct KeyHandle;
struct KeyRelease {
  void operator()(KeyHandle* handle) const;
};
using KeyPointer = std::shared_ptr<KeyHandle>;

/// A text that signatures are checked against. The hashing is bounded, whatever the number of keys and
/// signatures: it is hashed once for all that sign its hash (ECDSA, RSA, prehashed minisign); Ed25519 hashes the
/// text anew for each signature, so these bytes are limited. Not thread-safe. Does not own the text.
class SignedText {
 public:
  /// Four checks of the largest allowed list, 64 MiB; a thousand of an ordinary one.
  static constexpr std::uint64_t most_hashed = 256U << 20;

  explicit SignedText(std::string_view text) : text_(text) {}
  std::string_view text() const { return text_; }
  const oci::Digest& digest() const;
  /// BLAKE2b-512 (RFC 7693), 64 bytes: what minisign signs.
  const std::string& blake2b() const;
  /// Whether the limit kept a signature from being checked.
  bool exhausted() const { return exhausted_; }

 private:
  friend class PublicKey;
  bool afford_hash() const;
  std::string_view text_;
  mutable std::optional<oci::Digest> digest_;
  mutable std::string blake2b_;
  mutable std::uint64_t hashed_ = 0;
  mutable bool exhausted_ = false;
};

/// A public key, known by the SHA-256 of its SubjectPublicKeyInfo.
class PublicKey {
 public:
  /// PEM, or the public key file of minisign or signify. An Error (code `trust`) for anything but one supported key;
  /// `where` names the file in it.
  static PublicKey from_text(std::string_view text, std::string_view where);

  Algorithm algorithm() const { return algorithm_; }
  /// SHA-256 of the DER SubjectPublicKeyInfo: `openssl pkey -pubin -in KEY -outform DER | sha256sum`.
  const oci::Digest& spki() const { return spki_; }
  /// `SHA256:` and the hexadecimal digits of spki().
  std::string fingerprint() const { return "SHA256:" + spki_.hex(); }
  std::string pem() const;
  /// The 32 bytes of an Ed25519 key (RFC 8032). REQUIRES: it is one.
  std::string ed25519_bytes() const;
  /// Whether `signature` is this key's over exactly `message`. False for malformed signatures.
  bool matches(std::string_view message, std::string_view signature) const;
  bool matches(const SignedText& message, std::string_view signature) const;
  /// The same of a signature over the message's BLAKE2b-512 hash: prehashed minisign, Ed25519 only.
  bool matches_prehashed(const SignedText& message, std::string_view signature) const;

 private:
  friend class PrivateKey;
  PublicKey(KeyPointer key, std::string_view where);
  KeyPointer key_;
  Algorithm algorithm_;
  oci::Digest spki_;
};

/// Asks for the passphrase of an encrypted key; called only when the key needs one.
using PassphraseSource = std::function<Secret()>;

/// A private key in memory, for as long as one command runs.
class PrivateKey {
 public:
  static PrivateKey generate(Algorithm algorithm);
  /// An Error (code `trust`) for a wrong passphrase or anything but one supported key.
  static PrivateKey from_pem(std::string_view text, std::string_view where, const PassphraseSource& passphrase);

  /// A key that stays in its token; `uri` is a PKCS#11 URI (RFC 7512), e.g. `pkcs11:token=signing;object=alice`. The
  /// module is the URI's `module-path`, $PKCS11_MODULE_PATH or the system's (p11-kit). `pin` is asked for the token's
  /// PIN. OpenSSL's pkcs11 provider is used where there is one, else the engine (libengine-pkcs11-openssl). An Error
  /// (code `trust`) says what is missing.
  static PrivateKey from_token(const std::string& uri, const PassphraseSource& pin);

  /// PKCS#8 PEM; encrypted with scrypt and AES-256-CBC when `passphrase` is not empty.
  std::string pem(const Secret& passphrase) const;
  const PublicKey& public_key() const { return public_key_; }
  /// A signature over `message` in the form that PublicKey::matches and `openssl dgst -verify` take.
  std::string sign(std::string_view message) const;

 private:
  PrivateKey(KeyPointer key, std::string_view where);
  KeyPointer key_;
  PublicKey public_key_;
};

}  // namespace airlock::trust
