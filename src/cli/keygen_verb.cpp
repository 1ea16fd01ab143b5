// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/flow/sign.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct KeygenOptions {
  std::string name;
  std::string algorithm = "ecdsa-p256";
  bool no_passphrase = false;
  std::string passphrase_file;
};

const std::map<std::string, trust::Algorithm>& algorithms() {
  static const std::map<std::string, trust::Algorithm> known{{"ecdsa-p256", trust::Algorithm::ecdsa_p256_sha256},
                                                             {"ed25519", trust::Algorithm::ed25519},
                                                             {"rsa-3072", trust::Algorithm::rsa_pkcs1_sha256}};
  return known;
}

Secret new_passphrase(const KeygenOptions& options) {
  if (options.no_passphrase) return {};
  if (!options.passphrase_file.empty()) return read_secret_file(options.passphrase_file);
  Secret first = ask_passphrase("Passphrase for the new key: ");
  if (first.empty())
    throw Error(ErrorCode::usage, "the passphrase is empty").hint("for an unencrypted key, use --no-passphrase");
  if (!(ask_passphrase("Repeat the passphrase: ") == first))
    throw Error(ErrorCode::usage, "the two passphrases differ").hint("run it again");
  return first;
}

void run(const KeygenOptions& options, const GlobalOptions& global) {
  const auto files = flow::new_key_files(options.name);
  const Secret passphrase = new_passphrase(options);
  const auto key = trust::PrivateKey::generate(algorithms().at(options.algorithm));
  flow::write_key_files(files, key, passphrase);
  const std::string fingerprint = key.public_key().fingerprint();
  const bool minisign = key.public_key().algorithm() == trust::Algorithm::ed25519;
  if (global.json()) {
    Json json{{"privateKey", files.private_key.string()},
              {"publicKey", files.public_key.string()},
              {"algorithm", trust::to_string(key.public_key().algorithm())},
              {"fingerprint", fingerprint}};
    if (minisign) json["minisignPublicKey"] = files.minisign_key.string();
    print_json(json);
    return;
  }
  print(fmt::format("private key  {}{}\npublic key   {}{}\nfingerprint  {}\n", files.private_key.string(),
                    passphrase.empty() ? " (not encrypted)" : "", files.public_key.string(),
                    minisign ? "\nfor minisign " + files.minisign_key.string() : "", fingerprint));
  Reporter(global.reporter())
      .note(
          "Next: give the public key to whoever verifies, and the fingerprint through another channel (telephone, "
          "paper)");
}

}  // namespace

void add_keygen(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<KeygenOptions>();
  verb.add_option("NAME", options->name, "Path and name of the new files, without ending")->required();
  std::vector<std::string> names;
  for (const auto& [name, algorithm] : algorithms()) names.push_back(name);
  verb.add_option("--algorithm", options->algorithm, "ecdsa-p256, ed25519 or rsa-3072")
      ->check(CLI::IsMember(names))
      ->type_name("NAME")
      ->capture_default_str();
  auto* none = verb.add_flag("--no-passphrase", options->no_passphrase, "Do not encrypt the private key");
  verb.add_option("--passphrase-file", options->passphrase_file, "File with the passphrase (default: ask)")
      ->type_name("FILE")
      ->excludes(none);
  global.add_to(verb);
  verb.footer("Example:\n  airlock keygen alice");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
