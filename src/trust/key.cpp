// SPDX-License-Identifier: Apache-2.0
#include "airlock/trust/key.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "airlock/base/error.hpp"
#include "trust/forms.hpp"
#include "trust/openssl.hpp"

namespace airlock::trust {

namespace {

using MdContext = std::unique_ptr<EVP_MD_CTX, Releaser<EVP_MD_CTX_free>>;

constexpr int min_rsa_bits = 3072;
constexpr std::size_t max_passphrase = PEM_BUFSIZE - 1;  // limit of OpenSSL's readers
// scrypt cost: 16 MiB of memory, the limit of OpenSSL's own reader, and five passes over it (OWASP's advice for this
// size). `openssl pkey` can therefore read the key.
constexpr std::uint64_t scrypt_n = 1U << 14;
constexpr std::uint64_t scrypt_r = 8;
constexpr std::uint64_t scrypt_p = 5;

/// A key is known by the hash of its encoding, so it may have only one: a named curve (RFC 5480) and an uncompressed
/// point.
bool is_canonical_p256(std::string_view der) {
  constexpr std::string_view start(
      "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04",
      27);
  return der.size() == 91 && der.starts_with(start);
}

Algorithm algorithm_of(EVP_PKEY* key, std::string_view where) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519: return Algorithm::ed25519;
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(key) >= min_rsa_bits) return Algorithm::rsa_pkcs1_sha256;
      throw Error(ErrorCode::trust,
                  fmt::format("{}: an RSA key of {} bits; at least 3072 are required", where, EVP_PKEY_get_bits(key)))
          .hint("make a new key: airlock keygen NAME");
    case EVP_PKEY_EC: {
      std::array<char, 64> group{};
      if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
          std::string_view(group.data()) == "prime256v1") {
        if (is_canonical_p256(spki_der(key))) return Algorithm::ecdsa_p256_sha256;
        throw Error(ErrorCode::trust, std::string(where) +
                                          ": a P-256 key in an unusual encoding (compressed point or explicit "
                                          "parameters), which would give it a second fingerprint")
            .hint(
                "convert it: openssl ec -conv_form uncompressed -param_enc named_curve -pubin -in KEY "
                "-pubout");
      }
      throw Error(ErrorCode::trust, std::string(where) + ": an EC key on a curve other than P-256")
          .hint("make a new key: airlock keygen NAME");
    }
    default:
      throw Error(ErrorCode::trust, std::string(where) + ": the type of this key is not supported")
          .hint("use ECDSA P-256, Ed25519 or RSA (3072 bits and up); airlock keygen makes one");
  }
}

const EVP_MD* hash_of(Algorithm algorithm) { return algorithm == Algorithm::ed25519 ? nullptr : EVP_sha256(); }

/// Names the key of another tool. Called for what could not be read: a file may hold more than the key.
void refuse_other(std::string_view text, std::string_view where) {
  if (const auto other = recognize_key(text))
    throw Error(ErrorCode::trust, fmt::format("{}: {}", where, other->what)).hint(other->hint);
}

/// Editors put a byte order mark before the first line, where OpenSSL then sees no PEM.
std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

/// For public keys: a crafted file must not trigger a passphrase prompt.
int give_nothing(char*, int, int, void*) { return -1; }

/// Returns the passphrase that was read before the call: OpenSSL would prompt repeatedly, and cannot be interrupted.
int give_passphrase(char* buffer, int size, int, void* passphrase) {
  const auto text = static_cast<const Secret*>(passphrase)->view();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(text.begin(), text.end(), buffer);
  return static_cast<int>(text.size());
}

/// PKCS#8 (RFC 5958) and the older encryption of PEM (RFC 1421).
bool is_encrypted(std::string_view pem) {
  return pem.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
         pem.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
}

/// Whether an Ed25519 signature's scalar is below the group's order (RFC 8032, section 5.1.7): what is not is refused
/// before anything is hashed.
bool has_canonical_scalar(std::string_view signature) {
  constexpr std::array<unsigned char, 32> order{0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7,
                                                0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0,    0,    0,    0,    0,    0,
                                                0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  for (std::size_t i = order.size(); i-- > 0;) {
    const auto byte = static_cast<unsigned char>(signature[32 + i]);
    if (byte != order.at(i)) return byte < order.at(i);
  }
  return false;
}

using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Releaser<EVP_PKEY_CTX_free>>;

bool verify_digest(EVP_PKEY* key, const oci::Digest& digest, std::string_view signature) {
  const PkeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1)
    openssl_failed("set up a verification");
  const std::string hash = digest.bytes();
  return EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(hash), hash.size()) == 1;
}

bool verify_text(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  const MdContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) != 1)
    openssl_failed("set up a verification");
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

std::string encrypt_pkcs8(PKCS8_PRIV_KEY_INFO* info, std::string_view passphrase) {
  std::array<unsigned char, 16> salt{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) openssl_failed("make a salt");
  X509_ALGOR* scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt.data(), static_cast<int>(salt.size()), nullptr,
                                             scrypt_n, scrypt_r, scrypt_p);
  if (scheme == nullptr) openssl_failed("set up scrypt");
  const std::unique_ptr<X509_SIG, Releaser<X509_SIG_free>> encrypted(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), info, scheme));
  if (!encrypted) {
    X509_ALGOR_free(scheme);
    openssl_failed("encrypt a private key");
  }
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8(bio.get(), encrypted.get()) != 1) openssl_failed("write a private key");
  return content_of(bio);
}

}  // namespace

std::string to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_p256_sha256: return "ecdsa-p256-sha256";
    case Algorithm::ed25519: return "ed25519";
    case Algorithm::rsa_pkcs1_sha256: return "rsa-pkcs1-sha256";
  }
  return "unknown";
}

void KeyRelease::operator()(KeyHandle* handle) const { EVP_PKEY_free(reinterpret_cast<EVP_PKEY*>(handle)); }

PublicKey::PublicKey(KeyPointer key, std::string_view where)
    : key_(std::move(key)), algorithm_(algorithm_of(evp(key_), where)), spki_(oci::sha256(spki_der(evp(key_)))) {}

PublicKey PublicKey::from_text(std::string_view text, std::string_view where) {
  const std::string_view pem = without_mark(text);
  if (const auto raw = parse_minisign_public_key(pem)) {
    KeyPointer key = own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*raw), raw->size()));
    if (!key) openssl_failed("read an Ed25519 public key");
    return {std::move(key), where};
  }
  // Checked before OpenSSL reads it: OpenSSL would prompt for a passphrase, which verification must not need.
  if (pem.find("PRIVATE KEY") != std::string_view::npos) {
    refuse_other(pem, where);
    throw Error(ErrorCode::trust, std::string(where) + " is a private key, not a public one")
        .hint("give the public key (NAME.pub), made with: openssl pkey -in KEY -pubout");
  }
  const Bio bio = read_only_bio(pem);
  KeyPointer key = own(PEM_read_bio_PUBKEY(bio.get(), nullptr, give_nothing, nullptr));
  ERR_clear_error();
  if (!key) refuse_other(pem, where);
  if (!key)
    throw Error(ErrorCode::trust,
                std::string(where) + ": neither a public key in PEM form nor one of minisign or signify")
        .hint(
            "expected a file that starts with -----BEGIN PUBLIC KEY-----, or a public key file of minisign or signify");
  return {std::move(key), where};
}

std::string PublicKey::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), evp(key_)) != 1) openssl_failed("write a public key");
  return content_of(bio);
}

const oci::Digest& SignedText::digest() const {
  if (!digest_) digest_ = oci::sha256(text_);
  return *digest_;
}

const std::string& SignedText::blake2b() const {
  if (blake2b_.empty()) {
    blake2b_.resize(static_cast<std::size_t>(EVP_MD_get_size(EVP_blake2b512())));
    if (EVP_Digest(text_.data(), text_.size(), reinterpret_cast<unsigned char*>(blake2b_.data()), nullptr,
                   EVP_blake2b512(), nullptr) != 1)
      openssl_failed("hash with BLAKE2b");
  }
  return blake2b_;
}

bool SignedText::afford_hash() const {
  if (hashed_ + text_.size() > most_hashed) {
    exhausted_ = true;
    return false;
  }
  hashed_ += text_.size();
  return true;
}

bool PublicKey::matches(std::string_view message, std::string_view signature) const {
  return matches(SignedText(message), signature);
}

bool PublicKey::matches(const SignedText& message, std::string_view signature) const {
  // Signatures of an impossible size are rejected without hashing the message.
  const auto largest = static_cast<std::size_t>(EVP_PKEY_get_size(evp(key_)));
  const bool exact = algorithm_ != Algorithm::ecdsa_p256_sha256;
  if (signature.empty() || signature.size() > largest || (exact && signature.size() != largest)) return false;
  bool good = false;
  if (algorithm_ != Algorithm::ed25519)
    good = verify_digest(evp(key_), message.digest(), signature);
  else if (has_canonical_scalar(signature) && message.afford_hash())
    good = verify_text(evp(key_), message.text(), signature);
  ERR_clear_error();
  return good;
}

bool PublicKey::matches_prehashed(const SignedText& message, std::string_view signature) const {
  return algorithm_ == Algorithm::ed25519 && matches(message.blake2b(), signature);
}

std::string PublicKey::ed25519_bytes() const {
  std::string bytes(32, '\0');
  std::size_t size = bytes.size();
  if (algorithm_ != Algorithm::ed25519 ||
      EVP_PKEY_get_raw_public_key(evp(key_), reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
    openssl_failed("read an Ed25519 public key");
  return bytes;
}

namespace {

/// The public half alone, so that verification does not go through a token.
KeyPointer public_half(const KeyPointer& key) {
  const std::string der = spki_der(evp(key));
  const unsigned char* cursor = bytes_of(der);
  EVP_PKEY* half = d2i_PUBKEY(nullptr, &cursor, static_cast<long>(der.size()));
  if (half == nullptr) openssl_failed("take the public half of a key");
  return own(half);
}

}  // namespace

PrivateKey::PrivateKey(KeyPointer key, std::string_view where)
    : key_(std::move(key)), public_key_(public_half(key_), where) {}

PrivateKey PrivateKey::generate(Algorithm algorithm) {
  EVP_PKEY* key = nullptr;
  switch (algorithm) {
    case Algorithm::ecdsa_p256_sha256: key = EVP_EC_gen("P-256"); break;
    case Algorithm::ed25519: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); break;
    case Algorithm::rsa_pkcs1_sha256: key = EVP_RSA_gen(static_cast<unsigned>(min_rsa_bits)); break;
  }
  if (key == nullptr) openssl_failed("generate a key");
  return {own(key), "new key"};
}

PrivateKey PrivateKey::from_pem(std::string_view text, std::string_view where, const PassphraseSource& passphrase) {
  const std::string_view pem = without_mark(text);
  const bool encrypted = is_encrypted(pem);
  Secret secret;
  if (encrypted) {
    secret = passphrase();
    if (secret.size() > max_passphrase)
      throw Error(ErrorCode::usage,
                  fmt::format("a passphrase of {} bytes; the limit is {}", secret.size(), max_passphrase))
          .hint("is this the right file? the passphrase is its first line");
  }
  const Bio bio = read_only_bio(pem);
  KeyPointer key =
      own(PEM_read_bio_PrivateKey(bio.get(), nullptr, encrypted ? give_passphrase : give_nothing, &secret));
  ERR_clear_error();
  if (!key && encrypted)
    throw Error(ErrorCode::trust, std::string(where) + ": the passphrase does not open this key")
        .hint("use the passphrase that was given to airlock keygen");
  if (!key) refuse_other(pem, where);
  if (!key && pem.find("PUBLIC KEY") != std::string_view::npos)
    throw Error(ErrorCode::trust, std::string(where) + " is a public key, not a private one")
        .hint("signing needs the private key (NAME.key)");
  if (!key)
    throw Error(ErrorCode::trust, std::string(where) + ": no private key in PKCS#8 PEM form")
        .hint("make one with: airlock keygen NAME");
  return {std::move(key), where};
}

std::string PrivateKey::pem(const Secret& passphrase) const {
  if (passphrase.size() > max_passphrase)
    throw Error(ErrorCode::usage,
                fmt::format("a passphrase of {} bytes; the limit is {}", passphrase.size(), max_passphrase))
        .hint("choose a shorter one");
  if (!passphrase.empty()) {
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Releaser<PKCS8_PRIV_KEY_INFO_free>> info(EVP_PKEY2PKCS8(evp(key_)));
    if (!info) openssl_failed("encode a private key");
    return encrypt_pkcs8(info.get(), passphrase.view());
  }
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), evp(key_), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    openssl_failed("write a private key");
  return content_of(bio);
}

std::string PrivateKey::sign(std::string_view message) const {
  const MdContext context(EVP_MD_CTX_new());
  const auto algorithm = public_key_.algorithm();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, hash_of(algorithm), nullptr, evp(key_)) != 1)
    openssl_failed("set up a signature");
  std::size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, bytes_of(message), message.size()) != 1) openssl_failed("sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(message),
                     message.size()) != 1)
    openssl_failed("sign");
  signature.resize(size);
  return signature;
}

}  // namespace airlock::trust
