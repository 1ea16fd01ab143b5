// SPDX-License-Identifier: Apache-2.0
// The catalog's data files as the build compiled them in (tools/embed_files.py).
#pragma once

#include <span>
#include <string_view>

namespace airlock::catalog {

struct EmbeddedFile {
  std::string_view name;
  std::string_view content;
};

std::span<const EmbeddedFile> embedded_files();

}  // namespace airlock::catalog
