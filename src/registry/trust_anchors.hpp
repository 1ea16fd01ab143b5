// SPDX-License-Identifier: Apache-2.0
// The certificate authorities that the environment names: SSL_CERT_FILE and SSL_CERT_DIR, which OpenSSL, the curl
// program and Go obey. libcurl does not by itself.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace airlock::registry {

struct TrustEnvironment {
  std::string file;       ///< of SSL_CERT_FILE; empty: not set
  std::string directory;  ///< of SSL_CERT_DIR; several are separated by colons
  bool hashed = false;    ///< certificates there are named by hashes (c_rehash), so OpenSSL finds what it needs itself
};

/// The authorities that all connections of a transport trust, read once, when the first of them has a certificate to
/// judge. libcurl would read them for each connection: a system's 140 take OpenSSL 3.0 20 ms. Thread-safe.
class TrustAnchors {
 public:
  /// `ca_file` alone, where there is one; else the environment's file and directories, each of which replaces its half
  /// of what the system trusts, as OpenSSL has it.
  TrustAnchors(std::filesystem::path ca_file, TrustEnvironment environment);
  ~TrustAnchors();
  TrustAnchors(const TrustAnchors&) = delete;
  TrustAnchors& operator=(const TrustAnchors&) = delete;

  /// `context`: the SSL_CTX of a connection before its handshake, of the OpenSSL that this program is linked with.
  /// REQUIRES: this outlives the connection.
  void give_to(void* context);
  /// Why they could not be read; empty where they were, or were not needed so far.
  std::string problem() const;

 private:
  struct Store;
  void read_once();

  const std::filesystem::path ca_file_;
  const TrustEnvironment environment_;
  std::unique_ptr<Store> store_;
  std::once_flag read_;
  mutable std::mutex mutex_;
  std::string problem_;  // guarded by it
};

TrustEnvironment trust_environment();

/// The file with the system's authorities: `compiled_in`, where libcurl looks by itself (null: nowhere), or where other
/// distributions keep it, for a program that was built on another one. Empty where there is none.
std::string system_trust_file(const char* compiled_in);

/// All certificates in the files of these directories (PEM), each file once: for directories without hashes, in which
/// OpenSSL finds nothing and Go all. What cannot be read, or holds no certificate, is passed over.
std::string certificates_in(const std::string& directories);

}  // namespace airlock::registry
