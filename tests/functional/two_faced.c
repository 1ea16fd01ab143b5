/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into airlock: a medium that answers differently. After LIE_AFTER honest pread()s of the byte at LIE_OFFSET in
 * the file LIE_FILE, that byte is another one, as a USB device with its own mind could have it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_the_file(int fd) {
  struct stat wanted, open_one;
  const char *name = getenv("LIE_FILE");
  return name && stat(name, &wanted) == 0 && fstat(fd, &open_one) == 0 && wanted.st_ino == open_one.st_ino &&
         wanted.st_dev == open_one.st_dev;
}

static ssize_t lie(int fd, void *into, ssize_t got, off_t offset) {
  static int reads;
  const off_t at = atoll(getenv("LIE_OFFSET") ? getenv("LIE_OFFSET") : "0");
  const int honest = atoi(getenv("LIE_AFTER") ? getenv("LIE_AFTER") : "0");
  if (got > 0 && offset <= at && at < offset + got && is_the_file(fd) && __atomic_add_fetch(&reads, 1, __ATOMIC_SEQ_CST) > honest)
    ((char *)into)[at - offset] ^= 1;
  return got;
}

ssize_t pread64(int fd, void *into, size_t size, off_t offset) {
  static ssize_t (*real)(int, void *, size_t, off_t);
  if (!real) real = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
  return lie(fd, into, real(fd, into, size, offset), offset);
}

ssize_t pread(int fd, void *into, size_t size, off_t offset) { return pread64(fd, into, size, offset); }
