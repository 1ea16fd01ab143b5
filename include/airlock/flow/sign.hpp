// SPDX-License-Identifier: Apache-2.0
// Keys, signatures and approvals.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

struct SignRequest {
  std::filesystem::path bundle;  ///< a file, or the common name of volumes
  bundle::VolumePlaces volumes;
  std::string name;  ///< signatures/NAME.sig and so on
  unsigned jobs = 2;
  /// The SHA256SUMS digest that `verify` printed right before: the content is then not read again, and exactly this is
  /// signed. Without it, every byte is checked first.
  std::optional<oci::Digest> verified;
  bool rejects = false;  ///< set by review_bundle(): what is rejected is not read
  /// Write the files here, beside the bundle, instead of into it.
  std::optional<std::filesystem::path> sidecar;
};

struct SignResult {
  oci::Digest content;  ///< SHA256SUMS digest
  std::vector<std::string> files;
};

/// Adds a signature, in every form the key has, to a finished bundle, in place. Signatures that are there already stay,
/// whatever happens. An Error (code `trust`) when this name or this key has signed already, or when there is no room.
SignResult sign_bundle(const SignRequest& request, const trust::PrivateKey& key, Reporter& reporter);

struct ReviewRequest {
  std::string comment;  ///< of a rejection: why
  bool rejects = false;
  std::map<std::string, oci::Digest> documents;  ///< what the reviewer decided by, by name
  std::vector<trust::Answer> checklist;
};

/// The same with a reviewer's approval or rejection. A rejection may follow an approval by the same key, but not the
/// other way round; the content is not read for it.
SignResult review_bundle(const SignRequest& request, const trust::PrivateKey& key, const ReviewRequest& asked,
                         Reporter& reporter);

struct KeyFiles {
  std::filesystem::path private_key;
  std::filesystem::path public_key;
  std::filesystem::path minisign_key;  ///< of Ed25519 keys only
};

/// Where keygen puts the keys of this name; an Error (code `media`) when one is there already.
KeyFiles new_key_files(const std::string& name);

/// Writes NAME.key (mode 0600), NAME.pub and, for Ed25519, NAME.minisign.pub, overwriting nothing.
void write_key_files(const KeyFiles& files, const trust::PrivateKey& key, const Secret& passphrase);

}  // namespace airlock::flow
