// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a bundle lie: one stream of bytes with random access, whatever files it is made of. The rest of
// the bundle module knows nothing of paths and volumes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "airlock/bundle/volumes.hpp"

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
  /// Which of several files hold this range, e.g. " (in b.tar.002 and b.tar.003)"; empty for a single file.
  virtual std::string where(std::uint64_t /*offset*/, std::uint64_t /*size*/) const { return {}; }
  /// Makes the operating system forget what it keeps of the files in memory, so that what is read next comes from the
  /// medium. False where some of it is still in memory (file systems that live there, others who have a file mapped).
  virtual bool drop_from_cache() const { return false; }
  /// What to do when it ends too early.
  virtual std::string advice_when_short() const { return "the file did not arrive whole; copy it again"; }
};

/// Write side of a bundle that is not finished: its files exist as NAME.partial until commit(). Thread-safe for
/// distinct ranges.
class WritableMedium {
 public:
  virtual ~WritableMedium() = default;
  virtual void write(std::uint64_t offset, std::string_view bytes) = 0;
  /// Reads what was written.
  virtual void read(std::uint64_t offset, std::span<char> into) const = 0;
  /// Starts writing back what lies in this range, and waits where much is under way already: the final flush has little
  /// left to do, and progress tells what is on the medium.
  virtual void write_back(std::uint64_t offset, std::uint64_t length) = 0;
  /// Makes everything so far durable.
  virtual void sync() = 0;
  /// Gives the files their final names, durably, the first volume's last. REQUIRES: sync() after the last write.
  virtual void commit() = 0;
  /// Removes the partial files in the destructor: there is nothing in them that a later run could use. Without this and
  /// commit(), they stay where they are.
  virtual void discard() noexcept = 0;
};

/// Opens a finished bundle for reading: a file, or the common name of volumes.
std::unique_ptr<ReadableMedium> open_medium(const std::filesystem::path& path, const VolumePlaces& places = {});

/// Creates the partial files of a bundle of exactly `size` bytes with their space reserved, so that a full disk and a
/// limit of file sizes show before any download. An Error when the bundle exists or the space is not there. With
/// Leftovers::use, content of partial files of the right sizes stays, and volumes that a run which was killed in
/// commit() had named finally become partial again.
std::unique_ptr<WritableMedium> create_medium(const std::filesystem::path& path, std::uint64_t size,
                                              const VolumeOptions& volumes = {},
                                              Leftovers leftovers = Leftovers::discard);

/// Whether create_medium() would find room and may write there: an Error otherwise. Leaves nothing behind, and partial
/// files of an earlier run as they are.
void check_room(const std::filesystem::path& path, std::uint64_t size, const VolumeOptions& volumes,
                Leftovers leftovers);

/// Opens a finished bundle for writes in place (signatures). Nobody else can open it so meanwhile.
class SignableMedium : public ReadableMedium {
 public:
  /// Durable when it returns, so that a later overwrite() is never seen without an earlier one.
  virtual void overwrite(std::uint64_t offset, std::string_view bytes) = 0;
};
std::unique_ptr<SignableMedium> open_signable_medium(const std::filesystem::path& path,
                                                     const VolumePlaces& places = {});

}  // namespace airlock::bundle
