// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

EVP_MD_CTX* evp(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

Digest Digest::parse(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  if (!text.starts_with(prefix) || text.size() != prefix.size() + 64)
    throw Error(ErrorCode::format,
                fmt::format("\"{}\" is not a digest of the form sha256:<64 lower-case hexadecimal digits>",
                            printable(text, 100)));
  return from_hex(text.substr(prefix.size()));
}

Digest Digest::from_hex(std::string_view hex) {
  std::array<unsigned char, 32> bytes{};
  bool good = hex.size() == 64;
  for (std::size_t i = 0; good && i < bytes.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    good = high >= 0 && low >= 0;
    bytes.at(i) = static_cast<unsigned char>(high * 16 + low);
  }
  if (!good)
    throw Error(ErrorCode::format, fmt::format("\"{}\" is not 64 lower-case hexadecimal digits", printable(hex, 100)));
  return Digest(bytes);
}

std::string Digest::hex() const { return hex_encode({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}); }

void Sha256::Release::operator()(Context* context) const { EVP_MD_CTX_free(evp(context)); }

Sha256::Sha256() : context_(reinterpret_cast<Context*>(EVP_MD_CTX_new())) { start(); }

void Sha256::start() {
  if (!context_ || EVP_DigestInit_ex(evp(context_.get()), EVP_sha256(), nullptr) != 1)
    throw Error(ErrorCode::internal, "OpenSSL has no SHA-256");
}

void Sha256::update(std::string_view bytes) {
  if (EVP_DigestUpdate(evp(context_.get()), bytes.data(), bytes.size()) != 1)
    throw Error(ErrorCode::internal, "OpenSSL failed to hash");
}

Digest Sha256::finish() {
  std::array<unsigned char, 32> bytes{};
  if (EVP_DigestFinal_ex(evp(context_.get()), bytes.data(), nullptr) != 1)
    throw Error(ErrorCode::internal, "OpenSSL failed to hash");
  start();
  return Digest(bytes);
}

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace airlock::oci
