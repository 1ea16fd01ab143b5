// SPDX-License-Identifier: Apache-2.0
// Files beside images: programs, packages, CNI plugins, databases of scanners.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/registry/types.hpp"
#include "airlock/transfer/made_content.hpp"

namespace airlock::flow {

/// `NAME=PATH`, `NAME=PATH@sha256:…`, `NAME=https://…@sha256:…`.
struct FileToPack {
  std::string name;
  std::string location;  ///< a path, or a URL
  std::optional<oci::Digest> digest;

  bool is_url() const;
  /// An Error (code `usage`) for other forms, names that are no file's, and a URL without a digest: what a server sends
  /// today is not what was reviewed.
  static FileToPack parse(const std::string& text);
};

/// An Error (code `usage`) where two have one name.
void check_names(const std::vector<FileToPack>& files);

/// Makes an artifact around each file, and returns how it is in the set. Files of the web are kept in `cache` (by their
/// digest, so that they are fetched once). All are hashed; their bytes are read again when they are copied. An Error
/// names the file.
std::vector<kubeone::ExtraImage> pack_files(const std::vector<FileToPack>& files, const registry::ClientOptions& client,
                                            const std::filesystem::path& cache, transfer::MadeContent& made,
                                            Reporter& reporter);

/// $XDG_CACHE_HOME/airlock, else ~/.cache/airlock; an Error (code `usage`) without either variable.
std::filesystem::path cache_directory();

}  // namespace airlock::flow
