// SPDX-License-Identifier: Apache-2.0
#include "registry/trust_anchors.hpp"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/handle.hpp"
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

struct TrustAnchors::Store {
  std::unique_ptr<X509_STORE, Releaser<X509_STORE_free>> x509{X509_STORE_new()};

  bool add_file(const std::filesystem::path& file) const { return X509_STORE_load_file(x509.get(), file.c_str()) == 1; }
  /// Named by hashes: OpenSSL reads what it needs.
  bool add_directories(const std::string& directories) const {
    return X509_STORE_load_path(x509.get(), directories.c_str()) == 1;
  }
  bool add_text(const std::string& pem) const {
    const std::unique_ptr<BIO, Releaser<BIO_free>> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    bool any = false;
    for (;;) {
      const std::unique_ptr<X509, Releaser<X509_free>> one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
      if (!one) break;
      any = X509_STORE_add_cert(x509.get(), one.get()) == 1 || any;
    }
    return any;
  }
  /// False where what the environment names, or else the system, has nothing.
  bool add_system(const TrustEnvironment& environment) const {
    const auto* libcurl = curl_version_info(CURLVERSION_NOW);
    const std::string file = environment.file.empty() ? system_trust_file(libcurl->cainfo) : environment.file;
    const bool has_file = !file.empty() && add_file(file);
    if (!environment.directory.empty()) {
      const std::string& directory = environment.directory;
      return (environment.hashed ? add_directories(directory) : add_text(certificates_in(directory))) || has_file;
    }
    const bool has_directory = libcurl->capath != nullptr && add_directories(libcurl->capath);
    return has_file || (environment.file.empty() && has_directory);
  }
};

TrustAnchors::TrustAnchors(std::filesystem::path ca_file, TrustEnvironment environment)
    : ca_file_(std::move(ca_file)), environment_(std::move(environment)), store_(std::make_unique<Store>()) {
  // As libcurl sets them: an authority below another one may be trusted without that.
  X509_STORE_set_flags(store_->x509.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
}

TrustAnchors::~TrustAnchors() = default;

void TrustAnchors::read_once() {
  std::call_once(read_, [this] {
    const bool filled = ca_file_.empty() ? store_->add_system(environment_) : store_->add_file(ca_file_);
    ERR_clear_error();
    if (filled) return;
    const auto& [file, directory, hashed] = environment_;
    const std::string named = !ca_file_.empty() ? ca_file_.string() : file.empty() ? directory : file;
    const std::lock_guard lock(mutex_);
    problem_ = named.empty() ? "no trust anchors were found" : "no trust anchors can be read from " + named;
  });
}

void TrustAnchors::give_to(void* context) {
  auto* tls = static_cast<SSL_CTX*>(context);
  SSL_CTX_set1_cert_store(tls, store_->x509.get());
  const auto judge = [](X509_STORE_CTX* chain, void* anchors) {
    auto& self = *static_cast<TrustAnchors*>(anchors);
    try {
      self.read_once();
    } catch (...) {  // of memory; not through C
      X509_STORE_CTX_set_error(chain, X509_V_ERR_OUT_OF_MEM);
      return 0;
    }
    return X509_verify_cert(chain);
  };
  SSL_CTX_set_cert_verify_callback(tls, judge, this);
}

std::string TrustAnchors::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace airlock::registry
