// SPDX-License-Identifier: Apache-2.0
#include "registry/trust_anchors.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"

namespace airlock::registry {

namespace {

constexpr std::size_t max_anchor_file = 1U << 20;
constexpr std::size_t max_all_anchors = 16U << 20;

std::string value_of_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string read_or_nothing(const std::filesystem::path& file) {
  try {
    return read_file(file, max_anchor_file);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

namespace {

/// `12345678.0`
bool is_hash_name(const std::string& name) {
  return name.size() == 10 && name[8] == '.' && name[9] >= '0' && name[9] <= '9' &&
         name.find_first_not_of("0123456789abcdef") == 8;
}

bool has_hash_names(const std::string& directories) {
  for (const std::string& directory : split(directories, ':')) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error))
      if (is_hash_name(entry->path().filename().string())) return true;
  }
  return false;
}

}  // namespace

std::string system_trust_file(const char* compiled_in) {
  // The places that Go's crypto/x509 knows (src/crypto/x509/root_linux.go).
  for (const char* file : {
           compiled_in, "/etc/ssl/certs/ca-certificates.crt",    // Debian, Ubuntu, Arch, Gentoo, Alpine
           "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
           "/etc/ssl/ca-bundle.pem",                             // openSUSE
           "/etc/pki/tls/cacert.pem",                            // OpenELEC
           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL 7 and later
           "/etc/ssl/cert.pem",                                  // Alpine
       }) {
    std::error_code ignored;
    if (file != nullptr && std::filesystem::exists(file, ignored)) return file;
  }
  return {};
}

TrustEnvironment trust_environment() {
  TrustEnvironment environment{value_of_variable("SSL_CERT_FILE"), value_of_variable("SSL_CERT_DIR"), false};
  environment.hashed = has_hash_names(environment.directory);
  return environment;
}

std::string certificates_in(const std::string& directories) {
  std::string all;
  std::set<std::filesystem::path> files;  // by their real names: the hashes are links
  for (const std::string& directory : split(directories, ':')) {
    if (directory.empty()) continue;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code ignored;
      const auto file = std::filesystem::canonical(entry->path(), ignored);
      if (!ignored && std::filesystem::is_regular_file(file, ignored)) files.insert(file);
    }
  }
  for (const auto& file : files) {
    const std::string content = read_or_nothing(file);
    if (content.find("-----BEGIN CERTIFICATE-----") == std::string::npos ||
        all.size() + content.size() > max_all_anchors)
      continue;
    all += content;
    all += '\n';
  }
  return all;
}

}  // namespace airlock::registry
