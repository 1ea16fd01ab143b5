// SPDX-License-Identifier: Apache-2.0
#include "airlock/trust/key.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::trust;

namespace {

const PrivateKey& key_of(Algorithm algorithm) {
  static const PrivateKey ecdsa = PrivateKey::generate(Algorithm::ecdsa_p256_sha256);
  static const PrivateKey ed25519 = PrivateKey::generate(Algorithm::ed25519);
  static const PrivateKey rsa = PrivateKey::generate(Algorithm::rsa_pkcs1_sha256);
  return algorithm == Algorithm::ed25519 ? ed25519 : algorithm == Algorithm::rsa_pkcs1_sha256 ? rsa : ecdsa;
}

PassphraseSource never = [] {
  FAIL("asked for a passphrase");
  return Secret();
};

}  // namespace

TEST_CASE("every algorithm signs, and only its own signature over the same bytes matches") {
  for (const auto algorithm : {Algorithm::ecdsa_p256_sha256, Algorithm::ed25519, Algorithm::rsa_pkcs1_sha256}) {
    INFO(to_string(algorithm));
    const PrivateKey& key = key_of(algorithm);
    std::string signature = key.sign("message");
    CHECK(key.public_key().matches("message", signature));
    CHECK_FALSE(key.public_key().matches("messagE", signature));
    CHECK_FALSE(key.public_key().matches("message", ""));
    CHECK_FALSE(key.public_key().matches("message", signature + "x"));
    CHECK_FALSE(PrivateKey::generate(Algorithm::ed25519).public_key().matches("message", signature));
    signature.back() = static_cast<char>(signature.back() ^ 1);
    CHECK_FALSE(key.public_key().matches("message", signature));
  }
}

TEST_CASE("keys survive being written and read") {
  for (const auto algorithm : {Algorithm::ecdsa_p256_sha256, Algorithm::ed25519, Algorithm::rsa_pkcs1_sha256}) {
    const PrivateKey& key = key_of(algorithm);
    const auto plain = PrivateKey::from_pem(key.pem(Secret()), "k", never);
    CHECK(plain.public_key().spki() == key.public_key().spki());
    const auto read = PublicKey::from_text(key.public_key().pem(), "p");
    CHECK(read.fingerprint() == key.public_key().fingerprint());
    CHECK(read.algorithm() == algorithm);
  }
  const PrivateKey& key = key_of(Algorithm::ecdsa_p256_sha256);
  const std::string encrypted = key.pem(Secret("correct horse"));
  CHECK_THAT(encrypted, ContainsSubstring("BEGIN ENCRYPTED PRIVATE KEY"));
  CHECK(PrivateKey::from_pem(encrypted, "k", [] { return Secret("correct horse"); }).public_key().spki() ==
        key.public_key().spki());
  CHECK_ERROR(PrivateKey::from_pem(encrypted, "k", [] { return Secret("wrong"); }), trust, "passphrase does not open");
  CHECK_ERROR(PrivateKey::from_pem(encrypted, "k", []() -> Secret { throw Error(ErrorCode::usage, "no terminal"); }),
              usage, "no terminal");
}

TEST_CASE("keys that are no keys, or not good enough") {
  CHECK_ERROR(PublicKey::from_text("", "p"), trust, "neither a public key");
  CHECK_ERROR(PublicKey::from_text(key_of(Algorithm::ed25519).pem(Secret()), "p"), trust, "is a private key");
  CHECK_ERROR(PublicKey::from_text(key_of(Algorithm::ed25519).pem(Secret("secret")), "p"), trust, "is a private key");
  CHECK_ERROR(PrivateKey::from_pem(key_of(Algorithm::ed25519).public_key().pem(), "k", never), trust,
              "a public key, not a private one");
  // openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 | openssl pkey -pubout
  const std::string rsa_2048 = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuc6N/q99cCul3i8RhPyN
8VpSM24t2dvDyGQA8fZQvXqK8ZY7UQQtuEKDyHnxo8zB0PjaOw9lylt6efHZmGWF
Zd0/jjNYB4vZDSI3YOUMUt/fxxn/Y0ve7+slntoE7Xp8U85KpmjOLWuualgwfcvv
NjCRwjB7J8yjFZwjLzTcZAhHAZj7So0bHv3Ya9mqb40gcolPCL00WKCIljUagMUw
GbC0+wTqoW3efz4bHWOnD4RVfmTskCg7FoUErBuz9ELNsXe8sqPykxcJ/N7/Tvn2
OV70JdDHL0TyXR4wUNcNNr/rhNyRSGUg7LvhLcFimwjAi2p6DTtx3rwYPg/K/a77
/QIDAQAB
-----END PUBLIC KEY-----
)";
  CHECK_ERROR(PublicKey::from_text(rsa_2048, "p"), trust, "an RSA key of 2048 bits");
  // openssl ecparam -name secp384r1 -genkey | openssl pkey -pubout
  const std::string p384 = R"(-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEVvsoh0PeTSEKnOinansxyUGH9mFWfcBV
bmkyrVZRAGWle6SBKM0OxC+T6EXa01rl128q3bF0jth5cXfroRCGVI0tKAhbR0oC
7VhSBnU64WdR0FuoU+amRdgMo9yDdVo8
-----END PUBLIC KEY-----
)";
  CHECK_ERROR(PublicKey::from_text(p384, "p"), trust, "a curve other than P-256");
}

TEST_CASE("a key has one encoding, so that it has one fingerprint") {
  // openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -conv_form compressed
  const std::string compressed = R"(-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACTSLj4e90j0omeBgd/NvKO1eLfy41
w4ICDt/VnofsZi4=
-----END PUBLIC KEY-----
)";
  CHECK_ERROR(PublicKey::from_text(compressed, "p"), trust, "a P-256 key in an unusual encoding");
  // The same with -param_enc explicit
  const std::string explicit_parameters = R"(-----BEGIN PUBLIC KEY-----
MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABE0i4+HvdI9KJngYHfzbyjtX
i38uNcOCAg7f1Z6H7GYuatgVcOQFbRajKB1dhTkKAhnzAglGpAc5qiab+ZbQrKA=
-----END PUBLIC KEY-----
)";
  CHECK_ERROR(PublicKey::from_text(explicit_parameters, "p"), trust, "a P-256 key in an unusual encoding");
}
