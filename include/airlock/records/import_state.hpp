// SPDX-License-Identifier: Apache-2.0
// The record of the importing machine, so that an old bundle cannot follow a newer one: for each stream and registry
// the newest bundle whose import was started there. One small JSON file for each stream, replaced in one step and
// flushed:
//
//   STREAM.imports.json   {"mediaType", "stream", "imports": [{"registry", "serial", "sumsDigest"}, …]}
//
// An import is recorded when it starts, before the first name is written: a killed import may have moved names already.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "airlock/base/file.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::records {

class ImportState {
 public:
  /// $XDG_STATE_HOME/airlock, else ~/.local/state/airlock; nothing if neither variable is set.
  static std::optional<std::filesystem::path> default_directory();

  /// Read only: a directory that does not exist is an empty record.
  static ImportState open_to_read(const std::filesystem::path& directory);
  /// Read and write: creates the directory with access for its owner only. Does not wait: an Error (code `media`) while
  /// another import holds it, because two at once could overtake each other.
  static ImportState open_to_record(const std::filesystem::path& directory);

  /// A file that cannot be read is an Error (code `policy`), not an absence.
  const trust::LastImports& last_imports() const { return last_imports_; }
  /// Records that an import starts, unless a newer one is recorded; durable when it returns. REQUIRES:
  /// open_to_record().
  void begin(const std::string& stream, const oci::Location& registry, const trust::LastImport& import);

 private:
  explicit ImportState(std::filesystem::path directory);

  std::filesystem::path directory_;
  FileDescriptor lock_;
  trust::LastImports last_imports_;
};

}  // namespace airlock::records
