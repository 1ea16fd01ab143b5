// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/release.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

std::uint64_t bytes_of(const flow::Release& release) {
  std::uint64_t bytes = 0;
  for (const flow::ReleaseFile& file : release.files) bytes += file.size;
  return bytes;
}

void run(const std::string& directory, const std::string& key_file, const GlobalOptions& global) {
  const trust::PublicKey key = trust::PublicKey::from_text(read_file(key_file, trust::max_key_file), key_file);
  const flow::Release release = flow::read_release(directory);
  const std::string signature = flow::check_release_signature(release, key);
  if (global.json()) {
    print_json({{"release", directory},
                {"files", release.files.size()},
                {"bytes", bytes_of(release)},
                {"signature", signature},
                {"signer", key.fingerprint()}});
    return;
  }
  print(fmt::format("{}: {}, {}, as signed by {} ({})\n", directory, count_of(release.files.size(), "file"),
                    human_size(bytes_of(release)), key.fingerprint(), signature));
}

}  // namespace

void add_verify_release(CLI::App& verb, GlobalOptions& global) {
  const auto directory = std::make_shared<std::string>();
  const auto key = std::make_shared<std::string>();
  verb.add_option("DIRECTORY", *directory, "An unpacked release of airlock")->required();
  verb.add_option("--key", *key, "Public key of airlock's makers")->type_name("PUB")->required();
  global.add_to(verb);
  verb.footer("Example:\n  airlock verify-release airlock-0.1.0 --key airlock-release.pub");
  verb.callback([=, &global] { run(*directory, *key, global); });
}

}  // namespace airlock::cli
