// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct PubkeyOptions {
  SigningOptions signing;
  bool minisign = false;
};

/// A public key file as it is; of a private key, its public half.
trust::PublicKey load(const SigningOptions& signing) {
  if (!signing.key.starts_with("pkcs11:")) {
    const std::string pem = read_file(signing.key, trust::max_key_file);
    if (pem.find("PRIVATE KEY") == std::string::npos) return trust::PublicKey::from_text(pem, signing.key);
  }
  return signing.load().public_key();
}

void run(const PubkeyOptions& options, const GlobalOptions& global) {
  const trust::PublicKey key = load(options.signing);
  if (options.minisign && key.algorithm() != trust::Algorithm::ed25519)
    throw Error(ErrorCode::usage,
                "minisign supports only Ed25519 keys; this one is " + trust::to_string(key.algorithm()))
        .hint("omit --minisign, or make a key with: airlock keygen NAME --algorithm ed25519");
  const std::string text = options.minisign ? trust::minisign_public_key(key) : key.pem();
  if (global.json())
    print_json(
        {{"publicKey", text}, {"algorithm", trust::to_string(key.algorithm())}, {"fingerprint", key.fingerprint()}});
  else
    print(text);
}

}  // namespace

void add_pubkey(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<PubkeyOptions>();
  verb.add_option("KEY", options->signing.key,
                  "A key file (PEM, or a public key of minisign or signify) or a pkcs11: URI")
      ->required();
  verb.add_option("--passphrase-file", options->signing.passphrase_file,
                  "File with the key's passphrase or the token's PIN (default: ask)")
      ->type_name("FILE");
  verb.add_flag("--minisign", options->minisign, "In minisign's form (Ed25519 only)");
  global.add_to(verb);
  verb.footer(
      "Examples:\n  airlock pubkey 'pkcs11:token=signing;object=alice' > alice.pub\n"
      "  airlock pubkey alice.pub --minisign > alice.minisign.pub");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
