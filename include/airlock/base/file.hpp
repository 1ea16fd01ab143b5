// SPDX-License-Identifier: Apache-2.0
// Files by descriptor. Every failure is an Error with code `media` that names the path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace airlock {

/// Owns a file descriptor. Closing in the destructor ignores errors: writers call sync() first.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC. Without O_CREAT: new files are made by NewFile. An interruption by the user is an Error.
FileDescriptor open_file(const std::filesystem::path& path, int flags);

/// Reads at `offset` until `into` is full. An early end of file is an Error with code `format`: the file is cut short.
void read_exactly(const FileDescriptor& fd, std::uint64_t offset, std::span<char> into,
                  const std::filesystem::path& path);

/// Writes all of `bytes` at `offset`.
void write_exactly(const FileDescriptor& fd, std::uint64_t offset, std::string_view bytes,
                   const std::filesystem::path& path);

/// The whole file; one larger than `limit` bytes is an Error (code `format`) as soon as that is known.
std::string read_file(const std::filesystem::path& path, std::size_t limit);

/// Who may read and write a file that airlock makes.
enum class Access {
  shared,  ///< 0644 as far as the umask allows it
  owner    ///< 0600 whatever the umask says
};

/// A file that gets its final name only when it is complete and durable. It is created in the same directory under a
/// new temporary name (O_EXCL), so that no existing file is written to, not even through a link.
class NewFile {
 public:
  NewFile(std::filesystem::path final_name, Access access);
  /// Removes it, unless it got its name.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view content);
  const FileDescriptor& fd() const { return fd_; }
  /// Gives it the mode and, as far as this user may, the owner of the file that it is to replace.
  void take_after(const std::filesystem::path& other);
  /// Takes the place of a file of the final name, if there is one.
  void replace();
  /// The same, but a file that is there is an Error and stays as it is.
  void appear();

 private:
  void sync() const;
  std::filesystem::path final_name_;
  std::filesystem::path name_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
  bool named_ = false;
};

/// Creates `path` with exactly this content, in one step; an existing file is an Error and stays as it is.
void write_new_file(const std::filesystem::path& path, std::string_view content, Access access = Access::shared);

/// Puts `content` in the place of `path` in one step: a reader sees the old or the new, also after a power failure.
/// With Access::shared an existing file's mode and owner stay. `path` itself is replaced, not the target
/// of a link: a symbolic link to a file is an Error. Devices and pipes (/dev/stdout) are written to.
void replace_file(const std::filesystem::path& path, std::string_view content, Access access = Access::shared);

/// Before long work: an Error if replace_file() would fail for a link, or for a directory that is not there or may not
/// be written to. Writes nothing.
void check_replaceable(const std::filesystem::path& path);

/// The same for write_new_file(): also where there is something of this name.
void check_new(const std::filesystem::path& path);

/// Creates a directory and its parents; new ones are accessible to their owner only (0700), whatever the umask.
void create_private_directories(const std::filesystem::path& path);

/// Makes a finished file appear under its final name, refusing to replace another, and makes that durable.
void rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

/// Makes entries of the directory that holds `path` durable. Ignores file systems that do not support it.
void sync_directory_of(const std::filesystem::path& path);

/// An Error for the system call that just failed; reads errno.
[[noreturn]] void throw_errno(std::string_view action, const std::filesystem::path& path);

}  // namespace airlock
