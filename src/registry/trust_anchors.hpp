// SPDX-License-Identifier: Apache-2.0
// The certificate authorities that the environment names: SSL_CERT_FILE and SSL_CERT_DIR, which OpenSSL, the curl
// program and Go obey. libcurl does not by itself.
#pragma once

#include <string>

namespace airlock::registry {

struct TrustEnvironment {
  std::string file;       ///< of SSL_CERT_FILE; empty: not set
  std::string directory;  ///< of SSL_CERT_DIR; several are separated by colons
  bool hashed = false;    ///< certificates there are named by hashes (c_rehash), so OpenSSL finds what it needs itself
};

/// What libcurl is told to trust.
struct TrustAnchors {
  std::string file;  ///< in PEM form; empty: nothing
  std::string pem;   ///< in the place of the file, where it is not enough: it holds its content
};

TrustEnvironment trust_environment();

/// The file with the system's authorities: `compiled_in`, where libcurl looks by itself (null: nowhere), or where other
/// distributions keep it, for a program that was built on another one. Empty where there is none.
std::string system_trust_file(const char* compiled_in);

/// All certificates in the files of these directories (PEM), each file once: for directories without hashes, in which
/// OpenSSL finds nothing and Go all. What cannot be read, or holds no certificate, is passed over.
std::string certificates_in(const std::string& directories);

}  // namespace airlock::registry
