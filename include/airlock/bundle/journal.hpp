// SPDX-License-Identifier: Apache-2.0
// What an export has written so far, in a small text file beside the bundle, so that a later run goes on from there.
//
//   airlock export journal 1
//   plan sha256:<SHA256SUMS digest> serial <N> created <TIME> volumes <SIZE>
//   <blob's 64 hex digits> <offset> <size>     this range of the blob was written
//   <blob's 64 hex digits> forget              what was written of it is not right
//
// Lines are appended when bytes were written, not when they are durable: nothing in it is believed. What it names is
// hashed again before it counts, so a power loss that took bytes with it costs their download, never their content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/digest.hpp"

namespace airlock::bundle {

/// What the content of a bundle depends on, beside what was selected.
struct JournalPlan {
  oci::Digest sums;  ///< digest of SHA256SUMS
  std::uint64_t serial = 0;
  Time created{};
  std::uint64_t volume_size = 0;  ///< VolumeOptions::size
  bool operator==(const JournalPlan&) const = default;
};

struct JournalRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// What an earlier run left.
struct JournalRecord {
  JournalPlan plan;
  std::map<oci::Digest, std::vector<JournalRange>> written;

  /// How many bytes of [from, to) of a blob were written, counted from `from` on without a gap.
  std::uint64_t covered(const oci::Digest& digest, std::uint64_t from, std::uint64_t to) const;
};

/// Where the journal of a bundle is: NAME.journal.
std::filesystem::path journal_path(const std::filesystem::path& bundle);

/// Nothing for what is not a journal of this version. A last line that is not whole is left out.
std::optional<JournalRecord> parse_journal(std::string_view text);

/// That of a bundle; nothing where there is none.
std::optional<JournalRecord> read_journal(const std::filesystem::path& bundle);

/// Thread-safe.
class Journal {
 public:
  /// Goes on with the record of an earlier run of the same plan, or starts anew.
  Journal(const std::filesystem::path& bundle, const JournalPlan& plan, const JournalRecord* left);

  void written(const oci::Digest& digest, std::uint64_t offset, std::uint64_t size);
  void forget(const oci::Digest& digest);
  /// Whether it holds anything worth keeping.
  bool empty() const;
  void remove() noexcept;

 private:
  void append(const std::string& line);

  std::filesystem::path path_;
  FileDescriptor fd_;
  mutable std::mutex mutex_;
  std::uint64_t end_ = 0;
  std::set<oci::Digest> begun_;
};

}  // namespace airlock::bundle
