/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into airlock: it is killed instead of doing the rename of number $DIE_AT, counted from 1. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  static int renames = 0;
  if (++renames == atoi(getenv("DIE_AT"))) raise(SIGKILL);
  int (*real)(int, const char *, int, const char *, unsigned) =
      (int (*)(int, const char *, int, const char *, unsigned))dlsym(RTLD_NEXT, "renameat2");
  return real(from_dir, from, to_dir, to, flags);
}
