// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/medium.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"

namespace airlock::bundle {

namespace {

class FileReader final : public SignableMedium {
 public:
  FileReader(const std::filesystem::path& path, int flags) : path_(path), fd_(open_file(path, flags)) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) throw_errno("look at", path);
    if (!S_ISREG(status.st_mode))
      throw Error(ErrorCode::media, path.string() + " is not a regular file")
          .hint("a bundle is read at several places at once, so it cannot come from a pipe or a directory");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  std::uint64_t size() const override { return size_; }
  std::string name() const override { return path_.string(); }
  void read(std::uint64_t offset, std::span<char> into) const override { read_exactly(fd_, offset, into, path_); }
  /// Two who sign at once would write to the same place. File systems that cannot lock are taken as they are.
  void lock() const {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      throw Error(ErrorCode::media, path_.string() + " is being signed by another airlock")
          .hint("wait for it to end, and run this one again");
  }
  void overwrite(std::uint64_t offset, std::string_view bytes) override {
    write_exactly(fd_, offset, bytes, path_);
    if (::fdatasync(fd_.get()) != 0) throw_errno("flush", path_);
  }

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
};

class FileWriter final : public WritableMedium {
 public:
  FileWriter(const std::filesystem::path& path, std::uint64_t size)
      : final_(path), partial_(path.string() + ".partial") {
    fd_ = open_file(partial_, O_RDWR | O_CREAT, 0644);
    // File systems that cannot lock (some on networks) are taken as they are.
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) refuse_concurrent();
    // Another one may have finished meanwhile: then this descriptor is its bundle, which must not be touched.
    struct stat mine {};
    struct stat named {};
    if (::fstat(fd_.get(), &mine) != 0 || ::stat(partial_.c_str(), &named) != 0 || mine.st_ino != named.st_ino)
      refuse_concurrent();
    if (::lstat(path.c_str(), &named) == 0) {
      ::unlink(partial_.c_str());
      errno = EEXIST;
      throw_errno("create", path);
    }
    try {
      if (::ftruncate(fd_.get(), 0) != 0) throw_errno("write", partial_);
      reserve(size);
    } catch (...) {
      ::unlink(partial_.c_str());
      throw;
    }
  }

  ~FileWriter() override {
    if (!committed_) ::unlink(partial_.c_str());
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::uint64_t offset, std::string_view bytes) override { write_exactly(fd_, offset, bytes, partial_); }

  void read(std::uint64_t offset, std::span<char> into) const override { read_exactly(fd_, offset, into, partial_); }

  void write_back(std::uint64_t offset, std::uint64_t length) override {
    // Advice only: a file system that does not take it flushes in sync().
    ::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length), SYNC_FILE_RANGE_WRITE);
  }

  void sync() override {
    if (::fdatasync(fd_.get()) != 0) throw_errno("flush", partial_);
  }

  void commit() override {
    rename_new(partial_, final_);
    committed_ = true;
  }

 private:
  [[noreturn]] void refuse_concurrent() const {
    throw Error(ErrorCode::media, partial_.string() + " is being written by another airlock")
        .hint("wait for it, or choose another output name");
  }

  void reserve(std::uint64_t size) {
    struct statvfs space {};
    if (::fstatvfs(fd_.get(), &space) == 0) {
      const std::uint64_t available = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
      if (available < size)
        throw Error(ErrorCode::media, "no room for " + final_.string() + ": it needs " + human_size(size) + ", " +
                                          human_size(available) + " are free")
            .hint("free space on that file system, choose another one, or narrow the selection");
    }
    // Not posix_fallocate: where the file system cannot reserve (FAT), that one writes zeros over the whole length.
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) != 0) {
      if (errno != EOPNOTSUPP && errno != ENOSYS) throw_errno("reserve " + human_size(size) + " for", final_);
      if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) throw_errno("write", final_);
    }
  }

  std::filesystem::path final_;
  std::filesystem::path partial_;
  FileDescriptor fd_;
  bool committed_ = false;
};

}  // namespace

std::unique_ptr<ReadableMedium> open_medium(const std::filesystem::path& path) {
  return std::make_unique<FileReader>(path, O_RDONLY);
}

std::unique_ptr<WritableMedium> create_medium(const std::filesystem::path& path, std::uint64_t size) {
  return std::make_unique<FileWriter>(path, size);
}

std::unique_ptr<SignableMedium> open_signable_medium(const std::filesystem::path& path) {
  if (::access(path.c_str(), R_OK) == 0 && ::access(path.c_str(), W_OK) != 0)
    throw Error(ErrorCode::media, path.string() + " cannot be written to: " + std::strerror(errno))
        .hint("put the signature beside it with --sidecar DIRECTORY");
  auto medium = std::make_unique<FileReader>(path, O_RDWR);
  medium->lock();
  return medium;
}

}  // namespace airlock::bundle
