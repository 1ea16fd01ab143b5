// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/receipt_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_receipt = 64U << 20;
constexpr std::size_t max_signature = 64U << 10;

std::vector<std::string> signers_of(const trust::Evidence& evidence) {
  std::vector<std::string> signers;
  for (const auto& requirement : evidence.requirements())
    for (const auto& signer : requirement.signers)
      signers.push_back(fmt::format("{} {}", signer.name, signer.fingerprint));
  std::sort(signers.begin(), signers.end());
  signers.erase(std::unique(signers.begin(), signers.end()), signers.end());
  return signers;
}

}  // namespace

records::Receipt make_receipt(const ImportResult& result) {
  records::Receipt receipt{result.configuration.registry,
                           current_time(),
                           result.evidence.signed_content(),
                           result.metadata.stream,
                           result.metadata.serial,
                           result.evidence.policy_digest() ? result.evidence.policy_digest()->str() : "--key",
                           signers_of(result.evidence),
                           {},
                           result.held};
  for (const auto& item : result.push.published)
    receipt.images.push_back({item.destination.image->source, item.destination.repository.name, *item.destination.tag,
                              item.digest, item.destination.image->descriptor.digest});
  std::sort(receipt.images.begin(), receipt.images.end(),
            [&](const auto& a, const auto& b) { return receipt.name(a) < receipt.name(b); });
  return receipt;
}

std::vector<std::string> write_receipt(const std::filesystem::path& file, const records::Receipt& receipt,
                                       const trust::PrivateKey* key) {
  const std::string text = receipt.format();
  std::vector<trust::SignatureFile> files{{file.string(), text}};
  if (key != nullptr)
    for (auto& signature : trust::sign(*key, file.string(), text)) files.push_back(std::move(signature));
  std::vector<std::string> written;
  try {
    for (const auto& [name, bytes] : files) {
      write_new_file(name, bytes);
      written.push_back(name);
    }
  } catch (...) {
    std::error_code ignored;
    for (const std::string& name : written) std::filesystem::remove(name, ignored);
    throw;
  }
  return written;
}

records::Receipt verify_receipt(const std::filesystem::path& file, const std::filesystem::path& signature,
                                const trust::PublicKey& key) {
  const std::string text = read_file(file, max_receipt);
  // A file with a name of its own is taken for the bare signature.
  const std::string name = trust::form_of(signature.string()) ? signature.string() : signature.string() + ".sig";
  if (!trust::signs({name, read_file(signature, max_signature)}, key, text))
    throw Error(ErrorCode::trust,
                fmt::format("{} is not this key's signature over {}", signature.string(), file.string()))
        .hint("use the public key of the isolated side, and both files as they came from there");
  return records::Receipt::parse(text, file.string());
}

}  // namespace airlock::flow
