// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a bundle lie: one stream of bytes with random access, whatever files it is made of. The rest of
// the bundle module knows nothing of paths, so volumes need no second reader or writer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace airlock::bundle {

/// Read side. Thread-safe.
class ReadableMedium {
 public:
  virtual ~ReadableMedium() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `into` from `offset`; an Error where the medium ends before.
  virtual void read(std::uint64_t offset, std::span<char> into) const = 0;
  /// For messages.
  virtual std::string name() const = 0;
};

/// Write side of a file that is not finished: it exists as NAME.partial until commit(). Thread-safe for distinct
/// ranges.
class WritableMedium {
 public:
  virtual ~WritableMedium() = default;
  virtual void write(std::uint64_t offset, std::string_view bytes) = 0;
  /// Reads what was written.
  virtual void read(std::uint64_t offset, std::span<char> into) const = 0;
  /// Starts writing back what lies in this range, so that the final flush has little left to do.
  virtual void write_back(std::uint64_t offset, std::uint64_t length) = 0;
  /// Makes everything so far durable.
  virtual void sync() = 0;
  /// Gives the file its final name, durably. REQUIRES: sync() after the last write.
  virtual void commit() = 0;
};

/// Opens a finished bundle for reading.
std::unique_ptr<ReadableMedium> open_medium(const std::filesystem::path& path);

/// Creates NAME.partial of exactly `size` bytes with its space reserved, so that a full disk shows before any download.
/// An Error when `path` exists or the space is not there. Without commit(), the destructor removes the partial file.
std::unique_ptr<WritableMedium> create_medium(const std::filesystem::path& path, std::uint64_t size);

/// Opens a finished bundle for writes in place (signatures). Nobody else can open it so meanwhile.
class SignableMedium : public ReadableMedium {
 public:
  /// Durable when it returns, so that a later overwrite() is never seen without an earlier one.
  virtual void overwrite(std::uint64_t offset, std::string_view bytes) = 0;
};
std::unique_ptr<SignableMedium> open_signable_medium(const std::filesystem::path& path);

}  // namespace airlock::bundle
