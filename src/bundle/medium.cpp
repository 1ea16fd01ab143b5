// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/medium.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/own_file.hpp"
#include "airlock/base/text.hpp"
#include "bundle/cache.hpp"
#include "bundle/write_behind.hpp"

namespace airlock::bundle {

namespace {

/// One file of a finished bundle.
class PieceReader {
 public:
  PieceReader(std::filesystem::path path, int flags) : path_(std::move(path)), fd_(open_file(path_, flags)) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) throw_errno("look at", path_);
    if (!S_ISREG(status.st_mode))
      throw Error(ErrorCode::media, path_.string() + " is not a regular file")
          .hint("a bundle is read at several places at once, so it cannot come from a pipe or a directory");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  const FileDescriptor& fd() const { return fd_; }

  /// Two who sign at once would write to the same place. File systems that cannot lock are taken as they are.
  void lock() const {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      throw Error(ErrorCode::media, path_.string() + " is being signed by another airlock")
          .hint("wait for it to end, and run this one again");
  }

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
};

/// Cuts a range of the stream at the borders of files: `action(piece, offset in it, offset in the range, bytes)`.
/// `start_of(i)` is where piece i begins; the last one takes what is left.
template <typename StartOf, typename Action>
void for_each_piece(std::size_t count, const StartOf& start_of, std::uint64_t offset, std::uint64_t size,
                    const Action& action) {
  std::size_t i = 0;
  while (i + 1 < count && start_of(i + 1) <= offset) ++i;
  for (std::uint64_t done = 0; done < size; ++i) {
    const std::uint64_t at = offset + done;
    const std::uint64_t room = i + 1 < count ? start_of(i + 1) - at : size - done;
    const std::uint64_t part = std::min(room, size - done);
    action(i, at - start_of(i), done, part);
    done += part;
  }
}

class FileMedium final : public SignableMedium {
 public:
  FileMedium(std::filesystem::path name, const std::vector<std::filesystem::path>& files, int flags)
      : name_(std::move(name)) {
    for (const auto& file : files) {
      pieces_.emplace_back(file, flags);
      starts_.push_back(size_);
      size_ += pieces_.back().size();
    }
  }

  std::uint64_t size() const override { return size_; }
  std::string name() const override {
    return pieces_.size() == 1 ? name_.string()
                               : fmt::format("{} ({})", name_.string(), count_of(pieces_.size(), "volume"));
  }

  void read(std::uint64_t offset, std::span<char> into) const override {
    each(offset, into.size(), [&](std::size_t i, std::uint64_t at, std::uint64_t done, std::uint64_t part) {
      read_exactly(pieces_[i].fd(), at, into.subspan(done, part), pieces_[i].path());
    });
  }

  void overwrite(std::uint64_t offset, std::string_view bytes) override {
    each(offset, bytes.size(), [&](std::size_t i, std::uint64_t at, std::uint64_t done, std::uint64_t part) {
      write_exactly(pieces_[i].fd(), at, bytes.substr(done, part), pieces_[i].path());
      if (::fdatasync(pieces_[i].fd().get()) != 0) throw_errno("flush", pieces_[i].path());
    });
  }

  std::string where(std::uint64_t offset, std::uint64_t size) const override {
    if (pieces_.size() == 1) return {};
    std::vector<std::string> names;
    each(offset, size, [&](std::size_t i, std::uint64_t, std::uint64_t, std::uint64_t) {
      names.push_back(pieces_[i].path().filename().string());
    });
    return fmt::format(" (in {})", join(names, " and "));
  }

  std::string advice_when_short() const override {
    if (pieces_.size() == 1 && name_ == pieces_.front().path()) return ReadableMedium::advice_when_short();
    const auto next = volume_path(name_.filename(), static_cast<unsigned>(pieces_.size()) + 1);
    const std::string last = pieces_.back().path().filename().string();
    std::error_code ignored;
    if (std::filesystem::exists(pieces_.back().path().parent_path() / next, ignored))
      return fmt::format(
          "{} is shorter than the volumes before it: it did not arrive whole; copy it again. ({} was not looked at)",
          last, next.string());
    return fmt::format(
        "the volume {} is missing (--volume-dir names its directory), or {} did not arrive whole; copy it again",
        next.string(), last);
  }

  bool drop_from_cache() const override {
    bool dropped = true;
    for (const PieceReader& piece : pieces_) dropped = bundle::drop_from_cache(piece.fd(), piece.size()) && dropped;
    return dropped;
  }

  void lock() const { pieces_.front().lock(); }

 private:
  template <typename Action>
  void each(std::uint64_t offset, std::uint64_t size, const Action& action) const {
    for_each_piece(
        pieces_.size(), [&](std::size_t i) { return starts_[i]; }, offset, size, action);
  }

  std::filesystem::path name_;
  std::vector<PieceReader> pieces_;
  std::vector<std::uint64_t> starts_;
  std::uint64_t size_ = 0;
};

[[noreturn]] void refuse_concurrent(const std::filesystem::path& file) {
  throw Error(ErrorCode::media, file.string() + " is being written by another airlock")
      .hint("wait for it, or choose another output name");
}

/// File systems that cannot lock (some on networks) are taken as they are.
void lock_for_writing(const FileDescriptor& fd, const std::filesystem::path& file) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) refuse_concurrent(file);
}

/// One file of a bundle that is being written.
class PieceWriter {
 public:
  PieceWriter(const std::filesystem::path& path, std::uint64_t size, Leftovers leftovers)
      : final_(path), partial_(partial_path(path)) {
    auto left = open_own_file(partial_);
    fd_ = left ? std::move(*left) : create_own_file(partial_);
    lock_for_writing(fd_, partial_);
    // Another one may have finished meanwhile: then this descriptor is its bundle, which must not be touched.
    struct stat mine {};
    struct stat named {};
    if (::fstat(fd_.get(), &mine) != 0 || ::lstat(partial_.c_str(), &named) != 0 || mine.st_ino != named.st_ino)
      refuse_concurrent(partial_);
    if (::lstat(path.c_str(), &named) == 0) {
      if (mine.st_size == 0) ::unlink(partial_.c_str());  // else it is what an earlier run downloaded
      errno = EEXIST;
      throw_errno("create", path);
    }
    if (leftovers == Leftovers::use && static_cast<std::uint64_t>(mine.st_size) == size) return;
    try {
      if (::ftruncate(fd_.get(), 0) != 0) throw_errno("write", partial_);
      reserve(size);
    } catch (...) {
      ::unlink(partial_.c_str());
      throw;
    }
  }

  const FileDescriptor& fd() const { return fd_; }
  const std::filesystem::path& partial() const { return partial_; }
  const std::filesystem::path& path() const { return final_; }
  void commit() {
    check_same_file(fd_, partial_);
    rename_new(partial_, final_);
    check_same_file(fd_, final_);
  }
  void discard() noexcept { ::unlink(partial_.c_str()); }

 private:
  [[noreturn]] void refuse_size(std::uint64_t size) const {
    if (errno != EFBIG)
      throw Error(ErrorCode::media,
                  fmt::format("cannot reserve {} for {}: {}", human_size(size), final_.string(), std::strerror(errno)))
          .hint("free space there; or write to another file system, and copy the bundle");
    throw Error(ErrorCode::media, fmt::format("{} would have {}, which is more than a file may have there",
                                              final_.string(), human_size(size)))
        .hint("write volumes: --volume-size fat32 (4 GiB - 1), or a smaller size; or raise the limit (ulimit -f)");
  }

  void reserve(std::uint64_t size) {
    const auto available = std::filesystem::space(partial_).available;
    if (available < size)
      throw Error(ErrorCode::media, fmt::format("no room for {}: it needs {}, {} are free", final_.string(),
                                                human_size(size), human_size(available)))
          .hint("free space on that file system, choose another one, or narrow the selection");
    // Not posix_fallocate: where the file system cannot reserve (FAT), that one writes zeros over the whole length.
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) == 0) return;
    if (errno != EOPNOTSUPP && errno != ENOSYS) refuse_size(size);
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) refuse_size(size);
  }

  std::filesystem::path final_;
  std::filesystem::path partial_;
  FileDescriptor fd_;
};

class FileWriter final : public WritableMedium {
 public:
  FileWriter(const std::vector<std::filesystem::path>& files, std::uint64_t size, std::uint64_t piece_size,
             Leftovers leftovers)
      : piece_size_(piece_size) {
    try {
      for (std::size_t i = 0; i < files.size(); ++i)
        pieces_.emplace_back(files[i], std::min(piece_size, size - i * piece_size), leftovers);
    } catch (...) {
      if (leftovers == Leftovers::discard) remove_all();
      throw;
    }
  }
  ~FileWriter() override {
    if (discarded_ && !committed_) remove_all();
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::uint64_t offset, std::string_view bytes) override {
    each(offset, bytes.size(), [&](std::size_t i, std::uint64_t at, std::uint64_t done, std::uint64_t part) {
      write_exactly(pieces_[i].fd(), at, bytes.substr(done, part), pieces_[i].partial());
    });
  }

  void read(std::uint64_t offset, std::span<char> into) const override {
    each(offset, into.size(), [&](std::size_t i, std::uint64_t at, std::uint64_t done, std::uint64_t part) {
      read_exactly(pieces_[i].fd(), at, into.subspan(done, part), pieces_[i].partial());
    });
  }

  void write_back(std::uint64_t offset, std::uint64_t length) override {
    each(offset, length, [&](std::size_t i, std::uint64_t at, std::uint64_t, std::uint64_t part) {
      behind_.begin(pieces_[i].fd(), pieces_[i].partial(), at, part);
    });
  }

  void sync() override {
    for (const PieceWriter& piece : pieces_)
      if (::fdatasync(piece.fd().get()) != 0) throw_errno("flush", piece.partial());
  }

  void commit() override {
    // The first volume last: who finds that one finds them all.
    std::for_each(pieces_.rbegin(), pieces_.rend(), [](PieceWriter& piece) { piece.commit(); });
    committed_ = true;
  }

  void discard() noexcept override { discarded_ = true; }

 private:
  template <typename Action>
  void each(std::uint64_t offset, std::uint64_t size, const Action& action) const {
    for_each_piece(
        pieces_.size(), [&](std::size_t i) { return i * piece_size_; }, offset, size, action);
  }
  void remove_all() noexcept {
    for (PieceWriter& piece : pieces_) piece.discard();
  }

  std::uint64_t piece_size_;
  std::vector<PieceWriter> pieces_;
  WriteBehind behind_;
  bool committed_ = false;
  bool discarded_ = false;
};

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path, const VolumePlaces& places) {
  std::error_code ignored;
  if (path.extension() != ".001" && std::filesystem::exists(path, ignored)) return {path};
  auto volumes = find_volumes(path, places);
  if (volumes.empty()) return {path};  // opening it says what is wrong
  return volumes;
}

}  // namespace

std::unique_ptr<ReadableMedium> open_medium(const std::filesystem::path& path, const VolumePlaces& places) {
  return std::make_unique<FileMedium>(path, files_of(path, places), O_RDONLY);
}

namespace {

/// Partial files that an earlier run left under the same name, cut in another way: nobody would use them any more.
void remove_stale(const std::filesystem::path& path, const VolumePlaces& places) {
  for (const auto& partial : find_partials(path, places)) {
    const auto fd = open_own_file(partial);
    if (!fd) continue;
    lock_for_writing(*fd, partial);
    check_same_file(*fd, partial);
    ::unlink(partial.c_str());
  }
}

/// A run that was killed in commit() left later volumes under their final names, and never the first one: a set that
/// has its first volume is finished, and not to be touched.
void take_back(const std::vector<std::filesystem::path>& files) {
  std::error_code ignored;
  for (const auto& file : files) {
    const auto fd = open_own_file(file);
    if (!fd) continue;
    lock_for_writing(*fd, file);
    if (std::filesystem::exists(files.front(), ignored)) return;  // asked with the lock held: it may just have ended
    check_same_file(*fd, file);
    rename_new(file, partial_path(file));
  }
}

}  // namespace

std::unique_ptr<WritableMedium> create_medium(const std::filesystem::path& path, std::uint64_t size,
                                              const VolumeOptions& volumes, Leftovers leftovers) {
  if (leftovers == Leftovers::discard) remove_stale(path, volumes.places);
  const auto files = place_volumes(path, size, volumes, leftovers);
  if (leftovers == Leftovers::use) take_back(files);
  return std::make_unique<FileWriter>(files, size, volumes.size == 0 ? size : volumes.size, leftovers);
}

void check_room(const std::filesystem::path& path, std::uint64_t size, const VolumeOptions& volumes,
                Leftovers leftovers) {
  place_volumes(path, size, volumes, leftovers);
  // What an earlier run reserved is reserved still, or becomes free first.
  if (leftovers == Leftovers::discard && find_partials(path, volumes.places).empty())
    create_medium(path, size, volumes)->discard();
}

std::unique_ptr<SignableMedium> open_signable_medium(const std::filesystem::path& path, const VolumePlaces& places) {
  const auto files = files_of(path, places);
  for (const auto& file : files)
    if (std::filesystem::is_symlink(file))
      throw Error(ErrorCode::media, file.string() + " is a symbolic link, and airlock does not write through links")
          .hint("name the file itself; or put the signature beside it with --sidecar DIRECTORY");
  for (const auto& file : files)
    if (::access(file.c_str(), R_OK) == 0 && ::access(file.c_str(), W_OK) != 0)
      throw Error(ErrorCode::media, fmt::format("{} cannot be written to: {}", file.string(), std::strerror(errno)))
          .hint("put the signature beside it with --sidecar DIRECTORY");
  auto medium = std::make_unique<FileMedium>(path, files, O_RDWR | O_NOFOLLOW);
  medium->lock();
  return medium;
}

}  // namespace airlock::bundle
