// SPDX-License-Identifier: Apache-2.0
// What an export has written so far, in a small text file beside the bundle, so that a later run resumes there.
//
//   airlock export journal 2
//   plan sha256:<digest of the layout> volumes <SIZE>
//   <blob's 64 hex digits> <offset> <size>     this range of the blob was written
//   <blob's 64 hex digits> forget              the written bytes are wrong
//
// Lines are appended when bytes were written, not when they are durable, so the journal is not trusted: the ranges it
// names are hashed again before they count, and bytes lost in a power loss are downloaded again. It is on a medium that
// others may have prepared, so nothing in the bundle comes from it: no time, no serial, no name.
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
#include "airlock/oci/digest.hpp"

namespace airlock::records {

/// What a bundle's blobs and their places depend on. When it was made does not matter: a later run writes its own time.
struct JournalPlan {
  oci::Digest layout;             ///< of the names, places and sizes of all entries (Draft)
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
  std::map<oci::Digest, std::vector<JournalRange>> written;  ///< sorted, disjoint

  /// How many bytes of [from, to) of a blob were written, from `from` on without a gap.
  std::uint64_t covered(const oci::Digest& digest, std::uint64_t from, std::uint64_t to) const;
};

/// Where the journal of a bundle is: NAME.journal.
std::filesystem::path journal_path(const std::filesystem::path& bundle);

/// Nothing for anything but a journal of this version. An incomplete last line is ignored.
std::optional<JournalRecord> parse_journal(std::string_view text);

/// The journal of a bundle; nothing if there is none. An Error (code `media`) for something of its name that no earlier
/// run of this user left: a link, a pipe, a file of others, a text that is not a journal.
std::optional<JournalRecord> read_journal(const std::filesystem::path& bundle);

/// Thread-safe.
class Journal {
 public:
  /// REQUIRES: read_journal() did not fail. Continues the record of an earlier run of the same plan, or starts a new
  /// one.
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

}  // namespace airlock::records
