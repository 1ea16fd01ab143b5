// SPDX-License-Identifier: Apache-2.0
// Keys in a token (PKCS#11). OpenSSL 3's pkcs11 provider is the successor; Debian 12 has the engine, whose interface is
// deprecated in OpenSSL.
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/opensslconf.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#ifndef OPENSSL_NO_ENGINE
#include <openssl/engine.h>
#endif

#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "trust/openssl.hpp"

namespace airlock::trust {

namespace {

using Store = std::unique_ptr<OSSL_STORE_CTX, Releaser<OSSL_STORE_close>>;
using StoreInfo = std::unique_ptr<OSSL_STORE_INFO, Releaser<OSSL_STORE_INFO_free>>;
using UiMethod = std::unique_ptr<UI_METHOD, Releaser<UI_destroy_method>>;

/// A PKCS#11 URI without the attributes for loading the module.
struct TokenUri {
  std::string uri;
  std::string module;
};

std::string percent_decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto hex = [&](std::size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == '%' && hex(i + 1) && hex(i + 2)) {
      bytes += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

TokenUri parse_uri(const std::string& uri) {
  TokenUri result;
  const auto question = uri.find('?');
  result.uri = uri.substr(0, question);
  std::vector<std::string> kept;
  if (question != std::string::npos)
    for (const std::string& attribute : split(uri.substr(question + 1), '&')) {
      if (attribute.starts_with("pin-value"))
        throw Error(ErrorCode::usage, "the PIN is in the key's URI, where every user of this machine can read it")
            .hint("omit pin-value; airlock prompts for the PIN, or reads it with --passphrase-file");
      if (attribute.starts_with("module-path="))
        result.module = percent_decoded(std::string_view(attribute).substr(12));
      else
        kept.push_back(attribute);
    }
  if (result.uri.find(";pin-value") != std::string::npos || result.uri.find(":pin-value") != std::string::npos)
    return parse_uri(result.uri + "?pin-value=");
  if (!kept.empty()) result.uri += "?" + join(kept, "&");
  if (result.module.empty()) {
    const char* module = std::getenv("PKCS11_MODULE_PATH");
    if (module != nullptr) result.module = module;
  }
  if (!result.module.empty() && !std::filesystem::exists(result.module))
    throw Error(ErrorCode::trust, fmt::format("the PKCS#11 module {} does not exist", result.module))
        .hint("name the token's module: 'pkcs11:...?module-path=/usr/lib/.../MODULE.so', or in PKCS11_MODULE_PATH");
  return result;
}

/// OpenSSL's callback: returns what the PassphraseSource returned.
int give_pin(char* buffer, int size, int, void* pin) {
  const auto text = static_cast<const Secret*>(pin)->view();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(text.begin(), text.end(), buffer);
  return static_cast<int>(text.size());
}

[[noreturn]] void refuse_key(const std::string& uri) {
  const std::string reason = openssl_reason();
  throw Error(ErrorCode::trust, fmt::format("{}: no private key from the token: {}", uri, reason))
      .hint(
          "check token and object in the URI, the PIN, and that the token is plugged in; p11tool --list-all or "
          "pkcs11-tool -O lists its objects");
}

KeyPointer load_with_provider(const TokenUri& token, const std::string& uri, Secret pin) {
  const UiMethod ui(UI_UTIL_wrap_read_pem_callback(give_pin, 0));
  const Store store(OSSL_STORE_open(token.uri.c_str(), ui.get(), &pin, nullptr, nullptr));
  if (!store) refuse_key(uri);
  while (OSSL_STORE_eof(store.get()) == 0) {
    const StoreInfo info(OSSL_STORE_load(store.get()));
    if (info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
      return own(OSSL_STORE_INFO_get1_PKEY(info.get()));
  }
  refuse_key(uri);
}

#ifdef OPENSSL_NO_ENGINE

/// An OpenSSL that is part of the program loads no modules.
void check_engine(const TokenUri& /*token*/) {
  throw Error(ErrorCode::trust, "this airlock is linked statically and cannot load PKCS#11 modules")
      .hint(
          "sign with the airlock of the Debian package, or let the token's own tools sign SHA256SUMS "
          "(docs/verify-without-airlock.md) and add the signature as a sidecar");
}

KeyPointer load_with_engine(const TokenUri& token, const std::string& /*uri*/, const Secret& /*pin*/) {
  check_engine(token);
  return nullptr;
}

#else

// The engine's interface is the deprecated one.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct FreeEngine {
  void operator()(ENGINE* engine) const { ENGINE_free(engine); }
};
using Engine = std::unique_ptr<ENGINE, FreeEngine>;

Engine open_engine(const TokenUri& token) {
  ENGINE_load_dynamic();
  Engine engine(ENGINE_by_id("pkcs11"));
  ERR_clear_error();
  if (!engine)
    throw Error(ErrorCode::trust, "OpenSSL has no PKCS#11 support here, neither a provider nor an engine")
        .hint("on Debian: apt install libengine-pkcs11-openssl");
  if (!token.module.empty() && ENGINE_ctrl_cmd_string(engine.get(), "MODULE_PATH", token.module.c_str(), 0) != 1)
    openssl_failed("set the PKCS#11 module " + token.module);
  return engine;
}

/// Fails before the PIN prompt if the engine is missing.
void check_engine(const TokenUri& token) { open_engine(token); }

KeyPointer load_with_engine(const TokenUri& token, const std::string& uri, const Secret& pin) {
  Engine engine = open_engine(token);
  if (ENGINE_init(engine.get()) != 1)
    throw Error(ErrorCode::trust, fmt::format("the PKCS#11 module {} cannot be used: {}",
                                              token.module.empty() ? "of this system" : token.module, openssl_reason()))
        .hint("name the token's module: 'pkcs11:...?module-path=/usr/lib/.../MODULE.so', or in PKCS11_MODULE_PATH");
  // The engine must outlive the key; ENGINE_finish releases what ENGINE_init acquired.
  const std::shared_ptr<ENGINE> running(engine.release(), [](ENGINE* used) {
    ENGINE_finish(used);
    ENGINE_free(used);
  });
  Secret terminated = pin;
  terminated.terminate();
  if (ENGINE_ctrl_cmd_string(running.get(), "PIN", terminated.view().data(), 0) != 1)
    openssl_failed("hand over the PIN");
  EVP_PKEY* key = ENGINE_load_private_key(running.get(), token.uri.c_str(), nullptr, nullptr);
  if (key == nullptr) refuse_key(uri);
  return {reinterpret_cast<KeyHandle*>(key), [running](KeyHandle* handle) { KeyRelease()(handle); }};
}

#pragma GCC diagnostic pop

#endif

/// Loaded once; OpenSSL unloads it when the program ends.
bool provider_present(const TokenUri& token) {
  static std::once_flag once;
  static OSSL_PROVIDER* provider = nullptr;
  std::call_once(once, [&] {
    // The provider takes its module from the environment or from OpenSSL's configuration.
    if (!token.module.empty()) ::setenv("PKCS11_PROVIDER_MODULE", token.module.c_str(), 0);
    provider = OSSL_PROVIDER_try_load(nullptr, "pkcs11", 1);
    ERR_clear_error();
  });
  return provider != nullptr;
}

}  // namespace

PrivateKey PrivateKey::from_token(const std::string& uri, const PassphraseSource& pin) {
  const TokenUri token = parse_uri(uri);
  const bool provider = provider_present(token);
  if (!provider) check_engine(token);
  const Secret secret = pin();
  return {provider ? load_with_provider(token, uri, secret) : load_with_engine(token, uri, secret), uri};
}

}  // namespace airlock::trust
