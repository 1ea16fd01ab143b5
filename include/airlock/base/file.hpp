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

/// Owns a file descriptor. Closing in the destructor ignores errors: whoever writes calls sync() first.
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

/// open(2) with O_CLOEXEC.
FileDescriptor open_file(const std::filesystem::path& path, int flags, unsigned mode = 0644);

/// Reads at `offset` until `into` is full. An early end of file is an Error with code `format`: the file is cut short.
void read_exactly(const FileDescriptor& fd, std::uint64_t offset, std::span<char> into,
                  const std::filesystem::path& path);

/// Writes all of `bytes` at `offset`.
void write_exactly(const FileDescriptor& fd, std::uint64_t offset, std::string_view bytes,
                   const std::filesystem::path& path);

/// The whole file; one larger than `limit` bytes is refused before it is read.
std::string read_file(const std::filesystem::path& path, std::size_t limit);

/// Creates `path` with exactly this content; an existing file is an Error and stays as it is.
void write_new_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

/// Puts `content` in the place of `path` in one step (temporary file, fsync, rename): a reader sees the old or the new.
void replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

/// Makes a finished file appear under its final name, refusing to replace another, and makes that durable.
void rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

/// Makes entries of the directory that holds `path` durable. File systems that cannot do it are forgiven.
void sync_directory_of(const std::filesystem::path& path);

/// An Error for the system call that just failed; reads errno.
[[noreturn]] void throw_errno(std::string_view action, const std::filesystem::path& path);

}  // namespace airlock
