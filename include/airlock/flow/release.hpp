// SPDX-License-Identifier: Apache-2.0
// A release of airlock as it is carried in: a directory whose SHA256SUMS lists all its files and is signed in the forms
// of trust/signature.hpp, so that sha256sum, openssl and minisign can check it too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "airlock/oci/digest.hpp"
#include "airlock/trust/key.hpp"
#include "airlock/trust/signature.hpp"

namespace airlock::flow {

struct ReleaseFile {
  std::filesystem::path path;  ///< relative to the release
  oci::Digest digest;
  std::uint64_t size = 0;
};

struct Release {
  std::filesystem::path directory;
  std::vector<ReleaseFile> files;                ///< in the order of SHA256SUMS; without that and its signatures
  std::vector<trust::SignatureFile> signatures;  ///< files beside SHA256SUMS, by name; not checked yet
  std::string sums;                              ///< the text of SHA256SUMS
};

/// Reads every file that SHA256SUMS lists, from the medium rather than from memory, and follows no link. An Error (code
/// `format`) names the first that is missing, is other, or is there and not listed. Whoever changed the directory may
/// have changed SHA256SUMS as well: check_release_signature().
Release read_release(const std::filesystem::path& directory);

/// The file that holds the key's signature over SHA256SUMS. An Error (code `trust`) where none does; what others are,
/// or that they cannot be read, only goes into its text.
std::string check_release_signature(const Release& release, const trust::PublicKey& key);

/// Adds SHA256SUMS.NAME.sig and the key's other forms, and returns their names. An Error when one is there already, or
/// `name` cannot name a signature.
std::vector<std::string> sign_release(const Release& release, const trust::PrivateKey& key, const std::string& name);

/// Puts a copy below `parent`, under the release's own name, and reads it back from there. Files that are there and
/// right stay; others are replaced in one step each. An Error (code `media`) rather than writing through a link.
/// Where the release lies there already, it is only read. Returns the copy.
Release copy_release(const Release& release, const std::filesystem::path& parent);

}  // namespace airlock::flow
