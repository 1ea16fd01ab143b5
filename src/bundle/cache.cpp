// SPDX-License-Identifier: Apache-2.0
#include "bundle/cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace airlock::bundle {

namespace {

constexpr std::size_t window = 64U << 20;  // bytes that are asked about at a time

/// Whether any page of the file is in memory.
bool any_resident(const FileDescriptor& fd, std::uint64_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(window / page + 1);
  for (std::uint64_t at = 0; at < size; at += window) {
    const std::size_t length = std::min<std::uint64_t>(window, size - at);
    void* mapped = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd.get(), static_cast<off_t>(at));
    if (mapped == MAP_FAILED) return true;
    const bool known = ::mincore(mapped, length, pages.data()) == 0;
    ::munmap(mapped, length);
    const auto end = pages.begin() + static_cast<std::ptrdiff_t>((length + page - 1) / page);
    if (!known || std::any_of(pages.begin(), end, [](unsigned char state) { return (state & 1) != 0; })) return true;
  }
  return false;
}

}  // namespace

bool drop_from_cache(const FileDescriptor& fd, std::uint64_t size) {
  ::fdatasync(fd.get());  // pages that are not written yet cannot be dropped; not being able to is seen below
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return !any_resident(fd, size);
}

}  // namespace airlock::bundle
