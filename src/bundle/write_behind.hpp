// SPDX-License-Identifier: Apache-2.0
// Bounds what was written and is not on the medium yet. Without a bound the page cache takes gigabytes at the speed of
// memory, and a slow stick then flushes for many minutes after progress said that all is there.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>

#include "airlock/base/file.hpp"

namespace airlock::bundle {

/// Thread-safe.
class WriteBehind {
 public:
  static constexpr std::uint64_t most_dirty = 64U << 20;

  /// Starts writing back a range, and waits for earlier ones where too much is under way. An Error (code `media`) when
  /// the medium fails. REQUIRES: `file` outlives this, and is only used for errors' texts besides.
  void begin(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset, std::uint64_t size) {
    call({&file, &path, offset, size}, SYNC_FILE_RANGE_WRITE);
    std::unique_lock lock(mutex_);
    ranges_.push_back({&file, &path, offset, size});
    under_way_ += size;
    while (under_way_ > most_dirty && ranges_.size() > 1) {
      const Range oldest = ranges_.front();
      ranges_.pop_front();
      under_way_ -= oldest.size;
      lock.unlock();
      call(oldest, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
      lock.lock();
    }
  }

 private:
  struct Range {
    const FileDescriptor* file;
    const std::filesystem::path* path;
    std::uint64_t offset;
    std::uint64_t size;
  };

  /// What the medium says here it does not say again in fdatasync(). File systems that do not know the call are
  /// flushed at the end.
  static void call(const Range& range, unsigned flags) {
    const int result =
        ::sync_file_range(range.file->get(), static_cast<off_t>(range.offset), static_cast<off_t>(range.size), flags);
    if (result != 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT)) throw_errno("flush", *range.path);
  }

  std::mutex mutex_;  // guards what follows
  std::deque<Range> ranges_;
  std::uint64_t under_way_ = 0;
};

}  // namespace airlock::bundle
