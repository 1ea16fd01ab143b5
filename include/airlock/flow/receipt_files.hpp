// SPDX-License-Identifier: Apache-2.0
// The isolated side's answer: what its registry holds now.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "airlock/flow/import.hpp"
#include "airlock/records/receipt.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

/// What was imported, in the form that travels back.
records::Receipt make_receipt(const ImportResult& result);

/// Writes FILE and, with a key, FILE.sig (raw, for openssl) and FILE.sigstore.json; all of them or none. An Error (code
/// `media`) when one exists. Returns what was written.
std::vector<std::string> write_receipt(const std::filesystem::path& file, const records::Receipt& receipt,
                                       const trust::PrivateKey* key);

/// Reads a receipt that this key has signed, as `signature` (FILE.sig, or another form) says. An Error (code `trust`)
/// otherwise.
records::Receipt verify_receipt(const std::filesystem::path& file, const std::filesystem::path& signature,
                                const trust::PublicKey& key);

}  // namespace airlock::flow
