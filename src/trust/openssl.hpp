// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of this module that call OpenSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "airlock/base/handle.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::trust {

using Bio = std::unique_ptr<BIO, Releaser<BIO_free>>;

inline EVP_PKEY* evp(const KeyPointer& key) { return reinterpret_cast<EVP_PKEY*>(key.get()); }
inline KeyPointer own(EVP_PKEY* key) { return {reinterpret_cast<KeyHandle*>(key), KeyRelease()}; }
inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// OpenSSL's last error; clears its queue.
std::string openssl_reason();
[[noreturn]] void openssl_failed(const std::string& action);

Bio read_only_bio(std::string_view text);
std::string content_of(const Bio& bio);

/// DER SubjectPublicKeyInfo.
std::string spki_der(EVP_PKEY* key);

}  // namespace airlock::trust
