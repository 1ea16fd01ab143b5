// SPDX-License-Identifier: Apache-2.0
// A release of airlock as it is carried in: a directory whose SHA256SUMS lists all its files and is signed in the forms
// of trust/signature.hpp, so that sha256sum, openssl and minisign can check it too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "airlock/trust/key.hpp"

namespace airlock::flow {

struct ReleaseFile {
  std::filesystem::path path;  ///< relative to the release
  std::uint64_t size = 0;
};

struct Release {
  std::vector<ReleaseFile> files;       ///< in the order of SHA256SUMS; without that and its signatures
  std::vector<std::string> signatures;  ///< files beside SHA256SUMS, in order
  std::string sums;                     ///< the text of SHA256SUMS
};

/// Reads every file that SHA256SUMS lists. An Error (code `format`) names the first that is missing, is other, or is
/// there and not listed. Whoever changed the directory may have changed SHA256SUMS as well: check_release_signature().
Release read_release(const std::filesystem::path& directory);

/// The file that holds the key's signature over SHA256SUMS. An Error (code `trust`) where none does.
std::string check_release_signature(const std::filesystem::path& directory, const Release& release,
                                    const trust::PublicKey& key);

/// Adds SHA256SUMS.NAME.sig and the key's other forms, and returns their names. An Error when one is there already.
std::vector<std::string> sign_release(const std::filesystem::path& directory, const Release& release,
                                      const trust::PrivateKey& key, const std::string& name);

}  // namespace airlock::flow
