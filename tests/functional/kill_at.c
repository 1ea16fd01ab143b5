/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into airlock: SIGKILL at call number KILL_AT of pwrite() and fdatasync() on the file KILL_FILE, before it or,
 * with KILL_HALF=1, after a write of its first half. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fdatasync)(int);

static int is_time(int fd) {
  static int calls;
  struct stat wanted, open_one;
  const char *name = getenv("KILL_FILE");
  if (!name || stat(name, &wanted) != 0 || fstat(fd, &open_one) != 0 || wanted.st_ino != open_one.st_ino) return 0;
  return __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == atoi(getenv("KILL_AT"));
}

ssize_t pwrite64(int fd, const void *from, size_t size, off_t offset) {
  if (!real_pwrite) real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  if (is_time(fd)) {
    /* Half of the last write would be half a sector, which no disk does: that one is whole or not at all. */
    const char *half = getenv("KILL_HALF");
    if (half && *half == '1') real_pwrite(fd, from, size > 512 ? size / 2 : size, offset);
    raise(SIGKILL);
  }
  return real_pwrite(fd, from, size, offset);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t offset) { return pwrite64(fd, from, size, offset); }

int fdatasync(int fd) {
  if (!real_fdatasync) real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (is_time(fd)) raise(SIGKILL);
  return real_fdatasync(fd);
}
