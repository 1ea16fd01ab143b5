// SPDX-License-Identifier: Apache-2.0
// Keys and signatures.
#pragma once

#include <filesystem>
#include <string>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

/// Adds a signature to a finished bundle, in place. The bundle's content is checked first, so that nobody signs what
/// does not hold; signatures that are there already stay. An Error (code `trust`) when this name or this key has
/// signed.
void sign_bundle(const std::filesystem::path& path, const trust::PrivateKey& key, const std::string& name,
                 unsigned jobs, Reporter& reporter);

struct KeyFiles {
  std::filesystem::path private_key;
  std::filesystem::path public_key;
};

/// Where keygen puts the keys of this name; an Error (code `media`) when either is there already.
KeyFiles new_key_files(const std::string& name);

/// Writes NAME.key (mode 0600) and NAME.pub, overwriting nothing.
void write_key_files(const KeyFiles& files, const trust::PrivateKey& key, const std::string& passphrase);

}  // namespace airlock::flow
