// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/receipt_files.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ReceiptVerbOptions {
  std::string file;
  std::string key;
  std::string signature;
};

void run(const ReceiptVerbOptions& options, const GlobalOptions& global) {
  const auto key = trust::PublicKey::from_text(read_file(options.key, 64U << 10), options.key);
  const std::string signature = options.signature.empty() ? options.file + ".sig" : options.signature;
  const auto receipt = flow::verify_receipt(options.file, signature, key);
  if (global.json()) {
    print_json({{"receipt", options.file},
                {"signer", key.fingerprint()},
                {"content", parse_json(receipt.format(), options.file, {64U << 20, 16, 2U << 20})}});
    return;
  }
  std::uint64_t bytes = 0;
  for (const auto& [digest, blob] : receipt.blobs) bytes += blob.size;
  print(fmt::format(
      "{}: signed by {}\n  registry   {}, at {}\n  bundle     stream {}, serial {}, SHA256SUMS {}\n"
      "  policy     {}; {}\n  holds      {}, {}, {}\n",
      options.file, key.fingerprint(), receipt.registry.str(), format_time(receipt.time), printable(receipt.stream),
      receipt.serial, receipt.bundle.str(), printable(receipt.policy), printable(join(receipt.signers, ", ")),
      count_of(receipt.images.size(), "name"), count_of(receipt.blobs.size(), "blob"), human_size(bytes)));
}

}  // namespace

void add_verify_receipt(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ReceiptVerbOptions>();
  verb.add_option("RECEIPT", options->file, "What airlock import --receipt wrote")->required();
  verb.add_option("--key", options->key, "Public key of the isolated side: PEM, minisign, signify")
      ->required()
      ->type_name("PUB");
  verb.add_option("--signature", options->signature,
                  "Its signature: .sig, .sigstore.json, .minisig (default: RECEIPT.sig)")
      ->type_name("FILE");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock verify-receipt june.receipt.json --key site.pub\n  openssl dgst -sha256 -verify site.pub "
      "-signature june.receipt.json.sig june.receipt.json");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
