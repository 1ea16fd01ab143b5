// SPDX-License-Identifier: Apache-2.0
// What the importing machine remembers, so that an old bundle cannot follow a newer one: the serial of the last import
// of each stream, one small JSON file each, replaced in one step and flushed.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "airlock/base/file.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::trust {

class ImportState {
 public:
  /// $XDG_STATE_HOME/airlock, else ~/.local/state/airlock. An Error (code `usage`) where neither can be named.
  static std::filesystem::path default_directory();

  /// To look: a directory that does not exist remembers nothing.
  static ImportState open_to_read(const std::filesystem::path& directory);
  /// To look and to record: makes the directory, and waits for nobody: an Error (code `media`) while another import
  /// holds it, because two at once could pass each other.
  static ImportState open_to_record(const std::filesystem::path& directory);

  /// By stream. A file that cannot be read is an Error (code `policy`), never an absence.
  const std::map<std::string, LastImport>& last_imports() const { return last_imports_; }
  /// Remembers an import, unless a newer one is remembered. REQUIRES: open_to_record().
  void record(const std::string& stream, const LastImport& import);

 private:
  explicit ImportState(std::filesystem::path directory);

  std::filesystem::path directory_;
  FileDescriptor lock_;
  std::map<std::string, LastImport> last_imports_;
};

}  // namespace airlock::trust
