// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "airlock/base/error.hpp"

namespace airlock {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void throw_errno(std::string_view action, const std::filesystem::path& path) {
  const int code = errno;
  Error error(ErrorCode::media, "cannot " + std::string(action) + " " + path.string() + ": " + std::strerror(code));
  switch (code) {
    case ENOSPC: error.hint("free space on that file system, or write to another one"); break;
    case EFBIG: error.hint("the file system or a limit (ulimit -f) does not take a file of this size"); break;
    case EEXIST: error.hint("choose another name, or move the existing file away; airlock never overwrites"); break;
    case EROFS: error.hint("the medium is mounted read-only"); break;
    case ENOENT: error.hint("check the path"); break;
    case EIO: error.hint("the medium reports a hardware error; check the cable and use another medium"); break;
    default: break;
  }
  throw error;
}

FileDescriptor open_file(const std::filesystem::path& path, int flags, unsigned mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_errno((flags & O_CREAT) != 0 ? "create" : "open", path);
  return FileDescriptor(fd);
}

void read_exactly(const FileDescriptor& fd, std::uint64_t offset, std::span<char> into,
                  const std::filesystem::path& path) {
  while (!into.empty()) {
    const ssize_t n = ::pread(fd.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw_errno("read", path);
    }
    if (n == 0)
      throw Error(ErrorCode::format, path.string() + " ends at byte " + std::to_string(offset) + ", in the middle")
          .hint("the file did not arrive whole; copy it again");
    into = into.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void write_exactly(const FileDescriptor& fd, std::uint64_t offset, std::string_view bytes,
                   const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw_errno("write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

std::string read_file(const std::filesystem::path& path, std::size_t limit) {
  const FileDescriptor fd = open_file(path, O_RDONLY);
  std::string content;
  // Read until the end instead of trusting st_size: pipes and /proc files have none.
  for (;;) {
    const std::size_t used = content.size();
    content.resize(used + 65536);
    const ssize_t n = ::read(fd.get(), content.data() + used, 65536);
    if (n < 0) {
      if (errno != EINTR) throw_errno("read", path);
      content.resize(used);
      continue;
    }
    content.resize(used + static_cast<std::size_t>(n));
    if (n == 0) return content;
    if (content.size() > limit)
      throw Error(ErrorCode::format,
                  path.string() + " is larger than the " + std::to_string(limit) + " bytes that such a file may have");
  }
}

namespace {

void write_and_sync(const std::filesystem::path& path, int flags, std::string_view content, unsigned mode) {
  const FileDescriptor fd = open_file(path, O_WRONLY | O_CREAT | flags, mode);
  try {
    write_exactly(fd, 0, content, path);
    if (::fsync(fd.get()) != 0) throw_errno("flush", path);
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

}  // namespace

void write_new_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  write_and_sync(path, O_EXCL, content, mode);
  sync_directory_of(path);
}

void replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  struct stat before {};
  const bool special = ::stat(path.c_str(), &before) == 0 && !S_ISREG(before.st_mode);
  if (special) {  // /dev/stdout and the like cannot be renamed over
    const FileDescriptor fd = open_file(path, O_WRONLY);
    for (std::string_view rest = content; !rest.empty();) {
      const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
      if (n < 0 && errno != EINTR) throw_errno("write", path);
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return;
  }
  std::filesystem::path temporary = path;
  temporary += ".new";
  write_and_sync(temporary, O_TRUNC, content, mode);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    ::unlink(temporary.c_str());
    throw_errno("rename to", path);
  }
  sync_directory_of(path);
}

void rename_new(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    // FAT, some network and some FUSE file systems do not know the flag: look first, then rename.
    if (errno != EINVAL && errno != ENOSYS) throw_errno("rename to", to);
    struct stat present {};
    if (::lstat(to.c_str(), &present) == 0) {
      errno = EEXIST;
      throw_errno("rename to", to);
    }
    if (::rename(from.c_str(), to.c_str()) != 0) throw_errno("rename to", to);
  }
  sync_directory_of(to);
}

void sync_directory_of(const std::filesystem::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int raw = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (raw < 0) return;  // a directory that may be written but not read
  const FileDescriptor fd(raw);
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) throw_errno("flush directory", directory);
}

}  // namespace airlock
