// SPDX-License-Identifier: Apache-2.0
// The catalog's data files as the build compiled them in (tools/embed_files.py).
#pragma once

#include <span>
#include <string_view>

namespace airlock::kubeone {

/// One top-level key of a file, as JSON.
struct EmbeddedPart {
  std::string_view file;
  std::string_view key;
  std::string_view json;
};

/// Ordered by file.
std::span<const EmbeddedPart> embedded_parts();
/// Their documents_digest().
std::string_view embedded_digest();

}  // namespace airlock::kubeone
