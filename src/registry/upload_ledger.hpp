// SPDX-License-Identifier: Apache-2.0
// Large uploads that have begun, in a small file, so that a later run can ask the registry how far they came. It is a
// help and no more: what it says wrongly or not at all costs a new upload.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace airlock::registry {

/// Thread-safe. Lines of "KEY LOCATION"; a key is "ORIGIN REPOSITORY DIGEST" with the spaces replaced by `|`.
class UploadLedger {
 public:
  static constexpr std::uint64_t from_size = 16U << 20;  ///< bytes of a blob that is worth it

  /// An empty path: nothing is kept.
  explicit UploadLedger(std::filesystem::path file);

  std::optional<std::string> find(const std::string& key);
  void keep(const std::string& key, const std::string& location);
  void forget(const std::string& key);

 private:
  void save();  // with the lock held

  std::mutex mutex_;  // guards what follows
  std::filesystem::path file_;
  std::map<std::string, std::string> locations_;
};

}  // namespace airlock::registry
