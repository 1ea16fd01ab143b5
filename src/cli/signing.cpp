// SPDX-License-Identifier: Apache-2.0
#include "cli/signing.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"

namespace airlock::cli {

void SignVerbOptions::add_to(CLI::App& verb) {
  jobs = processors();
  verb.add_option("BUNDLE", bundle, "The bundle")->required();
  signing.add_to(verb);
  verb.get_option("--key")->required();
  verb.add_option("--verified", verified,
                  "SHA256SUMS digest that airlock verify printed: sign it without "
                  "reading the content again")
      ->type_name("DIGEST");
  verb.add_option("--sidecar", sidecar, "Write the signature into this directory instead of into the bundle")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIRECTORY");
  add_jobs(verb, jobs);
  volumes.add_to(verb);
}

flow::SignRequest SignVerbOptions::request() const {
  flow::SignRequest request;
  request.bundle = bundle;
  request.name = signing.signature_name();
  request.jobs = jobs;
  request.volumes = volumes.places();
  if (!sidecar.empty()) request.sidecar = sidecar;
  if (verified.empty()) return request;
  try {
    request.verified = oci::Digest::parse(verified);
  } catch (const Error&) {
    throw Error(ErrorCode::usage, fmt::format("--verified {} is not a digest", verified))
        .hint("give the line SHA256SUMS of airlock verify: sha256: and 64 hexadecimal digits");
  }
  return request;
}

void print_signed(const SignVerbOptions& options, const flow::SignRequest& request, const flow::SignResult& result,
                  const trust::PublicKey& key, const std::string& deed, const GlobalOptions& global) {
  if (global.json()) {
    print_json({{"bundle", options.bundle},
                {"name", request.name},
                {"signer", key.fingerprint()},
                {"algorithm", trust::to_string(key.algorithm())},
                {"contentChecked", !request.verified},
                {"sumsDigest", result.content.str()},
                {"files", result.files}});
    return;
  }
  print(fmt::format("{}: {}{} by {}, {}\n  SHA256SUMS {}\n  files      {}\n", options.bundle,
                    request.verified ? "" : "checked, and ", deed, request.name, key.fingerprint(),
                    result.content.str(), join(result.files, ", ")));
  Reporter(global.reporter())
      .note(options.sidecar.empty()
                ? fmt::format("Next: whoever imports checks it with\n  airlock verify {} --policy FILE",
                              shell_word(options.bundle))
                : fmt::format("Next: whoever imports gives {} with --signature", join(result.files, " and ")));
}

}  // namespace airlock::cli
