// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/own_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "airlock/base/error.hpp"

namespace airlock {

namespace {

[[noreturn]] void refuse_file(const std::filesystem::path& path, const std::string& why) {
  throw Error(ErrorCode::media, fmt::format("{} {}, so it was not left by an earlier run of yours", path.string(), why))
      .hint("check what it is and remove it, or choose another name for the bundle");
}

/// The owner of a new file in this directory: this user, or the one that a file system without owners (FAT) reports.
uid_t owner_of_new_files(const std::filesystem::path& beside) {
  struct stat probe {};
  NewFile file(beside, Access::owner);
  if (::fstat(file.fd().get(), &probe) != 0) throw_errno("look at", beside);
  return probe.st_uid;
}

}  // namespace

std::optional<FileDescriptor> open_own_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must not block.
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd && errno == ELOOP) refuse_file(path, "is a symbolic link");
  if (!fd) throw_errno("open", path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno("look at", path);
  if (!S_ISREG(status.st_mode)) refuse_file(path, "is not a regular file");
  if (status.st_nlink != 1) refuse_file(path, "has another name (a hard link)");
  if (status.st_uid != ::geteuid() && status.st_uid != owner_of_new_files(path))
    refuse_file(path, "belongs to another user");
  return fd;
}

FileDescriptor create_own_file(const std::filesystem::path& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) throw_errno("create", path);
  return fd;
}

void check_same_file(const FileDescriptor& fd, const std::filesystem::path& path) {
  struct stat open {};
  struct stat named {};
  if (::fstat(fd.get(), &open) == 0 && ::lstat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
      open.st_dev == named.st_dev)
    return;
  throw Error(ErrorCode::media, path.string() + " is no longer the file that was written")
      .hint("another program writes to this medium; use a directory that only you can write to");
}

}  // namespace airlock
