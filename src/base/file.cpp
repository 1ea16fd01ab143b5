// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"

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
  Error error(ErrorCode::media, fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(code)));
  switch (code) {
    case ENOSPC: error.hint("free space on that file system, or write to another one"); break;
    case EFBIG: error.hint("the file system or a limit (ulimit -f) does not allow a file of this size"); break;
    case EEXIST:
      error.hint("choose another name, or move the existing file away; airlock does not overwrite files");
      break;
    case EROFS: error.hint("the medium is mounted read-only"); break;
    case ENOENT: error.hint("check the path"); break;
    case EIO: error.hint("the medium reports a hardware error; check the cable and use another medium"); break;
    case EACCES:
    case EPERM: error.hint("check its permissions, and those of its directories"); break;
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG: error.hint("check the path"); break;
    default: break;
  }
  throw error;
}

FileDescriptor open_file(const std::filesystem::path& path, int flags) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd >= 0) return FileDescriptor(fd);
    if (errno != EINTR) throw_errno("open", path);
    throw_if_interrupted();  // a FIFO without a writer waits
  }
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
      throw Error(ErrorCode::format, fmt::format("{} is truncated at byte {}", path.string(), offset))
          .hint("the file is incomplete; copy it again");
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
    wait_until_readable(fd.get());
    const ssize_t n = ::read(fd.get(), content.data() + used, 65536);
    content.resize(used + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno != EINTR) throw_errno("read", path);
    if (n == 0) return content;
    if (content.size() > limit)
      throw Error(ErrorCode::format, fmt::format("{} is larger than the limit of {} bytes", path.string(), limit));
  }
}

namespace {

/// Sixteen unpredictable digits.
std::string random_digits() {
  std::array<char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw Error(ErrorCode::internal, "the system provides no random numbers");
  return hex_encode({bytes.data(), bytes.size()});
}

std::filesystem::path temporary_name(const std::filesystem::path& final_name) {
  constexpr std::size_t longest = 200;  // of 255 that file systems allow
  const std::string name(clipped(final_name.filename().string(), longest));
  return final_name.parent_path() / (fmt::format(".{}.{}.tmp", name, random_digits()));
}

}  // namespace

NewFile::NewFile(std::filesystem::path final_name, Access access)
    : final_name_(std::move(final_name)), name_(temporary_name(final_name_)) {
  const mode_t mode = access == Access::owner ? 0600 : 0644;
  fd_ = FileDescriptor(::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd_) throw_errno("create", final_name_);
  // The umask may have removed bits. File systems without modes (FAT) may ignore this.
  if (access == Access::owner) static_cast<void>(::fchmod(fd_.get(), mode));
}

NewFile::~NewFile() {
  if (!named_) ::unlink(name_.c_str());
}

void NewFile::write(std::string_view content) {
  write_exactly(fd_, size_, content, final_name_);
  size_ += content.size();
}

void NewFile::take_after(const std::filesystem::path& other) {
  struct stat before {};
  if (::lstat(other.c_str(), &before) != 0 || !S_ISREG(before.st_mode)) return;
  // The owner first: changing it clears bits of the mode.
  if (::fchown(fd_.get(), before.st_uid, before.st_gid) != 0) {
    [[maybe_unused]] const int ignored = ::fchown(fd_.get(), static_cast<uid_t>(-1), before.st_gid);
  }
  static_cast<void>(::fchmod(fd_.get(), before.st_mode & 07777U));
}

void NewFile::sync() const {
  if (::fsync(fd_.get()) != 0) throw_errno("flush", final_name_);
}

void NewFile::replace() {
  sync();
  if (::rename(name_.c_str(), final_name_.c_str()) != 0) throw_errno("rename to", final_name_);
  named_ = true;
  sync_directory_of(final_name_);
}

void NewFile::appear() {
  sync();
  rename_new(name_, final_name_);
  named_ = true;
}

void write_new_file(const std::filesystem::path& path, std::string_view content, Access access) {
  NewFile file(path, access);
  file.write(content);
  file.appear();
}

namespace {

/// Whether a path names a device, pipe or socket, which is written to and not replaced: /dev/stdout and the like.
bool is_stream(const std::filesystem::path& path) {
  struct stat target {};
  return ::stat(path.c_str(), &target) == 0 &&
         (S_ISCHR(target.st_mode) || S_ISFIFO(target.st_mode) || S_ISSOCK(target.st_mode));
}

void write_to_stream(const std::filesystem::path& path, std::string_view content) {
  const FileDescriptor fd = open_file(path, O_WRONLY);
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno != EINTR) throw_errno("write", path);
    throw_if_interrupted();
    if (n > 0) content.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

namespace {

void check_directory_of(const std::filesystem::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored))
    throw Error(ErrorCode::media,
                fmt::format("the directory {} for {} does not exist", directory.string(), path.filename().string()))
        .hint("make it first");
  if (::access(directory.c_str(), W_OK | X_OK) != 0) throw_errno("write into", directory);
}

}  // namespace

void check_new(const std::filesystem::path& path) {
  struct stat named {};
  if (::lstat(path.c_str(), &named) == 0)
    throw Error(ErrorCode::media, path.string() + " exists already")
        .hint("choose another name; airlock does not overwrite files");
  check_directory_of(path);
}

void check_replaceable(const std::filesystem::path& path) {
  struct stat named {};
  if (is_stream(path)) return;
  if (::lstat(path.c_str(), &named) != 0) return check_directory_of(path);
  if (S_ISDIR(named.st_mode))
    throw Error(ErrorCode::media, path.string() + " is a directory").hint("name a file in it");
  if (!S_ISLNK(named.st_mode)) return check_directory_of(path);
  throw Error(ErrorCode::media, path.string() + " is a symbolic link, and airlock does not write through links")
      .hint("name the file itself, or another one");
}

void replace_file(const std::filesystem::path& path, std::string_view content, Access access) {
  if (is_stream(path)) return write_to_stream(path, content);
  check_replaceable(path);
  NewFile file(path, access);
  file.write(content);
  if (access == Access::shared) file.take_after(path);
  file.replace();
}

void create_private_directories(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.empty() || std::filesystem::is_directory(path, ignored)) return;
  if (path.has_parent_path() && path.parent_path() != path) create_private_directories(path.parent_path());
  if (::mkdir(path.c_str(), 0700) == 0)
    static_cast<void>(::chmod(path.c_str(), 0700));
  else if (errno != EEXIST)
    throw_errno("create", path);
  else if (!std::filesystem::is_directory(path, ignored))
    throw Error(ErrorCode::media, path.string() + " is not a directory")
        .hint("move it away, or name another directory");
}

namespace {

int rename_no_replace(const char* from, const char* to) {
#ifdef __GLIBC__
  return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
#else
  constexpr unsigned no_replace = 1;  // RENAME_NOREPLACE; musl has no function for this system call
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, no_replace));
#endif
}

}  // namespace

void rename_new(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (rename_no_replace(from.c_str(), to.c_str()) != 0) {
    // FAT, some network and some FUSE file systems do not support the flag: check first, then rename.
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
