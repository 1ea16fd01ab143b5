// SPDX-License-Identifier: Apache-2.0
// Takes files and charts out of a bundle, onto a disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "airlock/flow/verify.hpp"

namespace airlock::flow {

struct ExtractRequest {
  VerifyRequest verify;
  /// Of files as they were packed, of charts NAME-VERSION.tgz; NAME@sha256:DIGEST where several have one name. Empty:
  /// all; those that share a name are written below the first digits of their digests then.
  std::vector<std::string> names;
  std::filesystem::path directory;  ///< made if it is not there
};

struct ExtractedFile {
  std::filesystem::path path;
  oci::Digest digest;
  std::uint64_t size = 0;
};

/// Nothing is written before the bundle is verified and all names are found; a file that is there is an Error and stays
/// as it is. Each file appears when it is whole and right.
std::vector<ExtractedFile> extract(const ExtractRequest& request, const trust::Policy& policy, Reporter& reporter);

}  // namespace airlock::flow
