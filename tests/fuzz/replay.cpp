// SPDX-License-Identifier: Apache-2.0
// fuzz-replay CORPUS: runs every kept input through its target, with any compiler; tools/fuzz finds new ones.
#include <cstdio>

#include "airlock/base/file.hpp"
#include "targets.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const auto& target : airlock::fuzz::targets()) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(argv[1]) / target.name)) {
      std::printf("%s\n", entry.path().c_str());  // the last one printed is the one that crashed
      std::fflush(stdout);
      airlock::fuzz::run(target, airlock::read_file(entry.path(), 16U << 20));
      ++count;
    }
    airlock::fuzz::require(count > 0, "no corpus");
  }
  return 0;
}
