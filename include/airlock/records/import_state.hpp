// SPDX-License-Identifier: Apache-2.0
// What the importing machine remembers, so that an old bundle cannot follow a newer one: for each stream and registry
// the newest bundle whose import was begun there. One small JSON file for each stream, replaced in one step and
// flushed:
//
//   STREAM.imports.json   {"mediaType", "stream", "imports": [{"registry", "serial", "sumsDigest"}, …]}
//
// Recorded is what was begun, before the first name is written: an import that is killed has moved some names already.
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
  /// $XDG_STATE_HOME/airlock, else ~/.local/state/airlock; nothing where neither can be named.
  static std::optional<std::filesystem::path> default_directory();

  /// To look: a directory that does not exist remembers nothing.
  static ImportState open_to_read(const std::filesystem::path& directory);
  /// To look and to record: makes the directory, for its owner alone, and waits for nobody: an Error (code `media`)
  /// while another import holds it, because two at once could pass each other.
  static ImportState open_to_record(const std::filesystem::path& directory);

  /// A file that cannot be read is an Error (code `policy`), never an absence.
  const trust::LastImports& last_imports() const { return last_imports_; }
  /// Remembers that an import begins, unless a newer one is remembered; durable when it returns. REQUIRES:
  /// open_to_record().
  void begin(const std::string& stream, const oci::Location& registry, const trust::LastImport& import);

 private:
  explicit ImportState(std::filesystem::path directory);

  std::filesystem::path directory_;
  FileDescriptor lock_;
  trust::LastImports last_imports_;
};

}  // namespace airlock::records
