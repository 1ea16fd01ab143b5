// SPDX-License-Identifier: Apache-2.0
#include "trust/openssl.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "airlock/base/error.hpp"

namespace airlock::trust {

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

void openssl_failed(const std::string& action) {
  throw Error(ErrorCode::internal, fmt::format("OpenSSL cannot {}: {}", action, openssl_reason()));
}

Bio read_only_bio(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) openssl_failed("allocate");
  return bio;
}

std::string content_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string spki_der(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) openssl_failed("encode a public key");
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace airlock::trust
