// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry; FUZZ_TARGET names the target. Built and run by tools/fuzz.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const airlock::fuzz::Target* chosen = [] {
    const char* name = std::getenv("FUZZ_TARGET");
    for (const auto& target : airlock::fuzz::targets())
      if (name != nullptr && target.name == name) return &target;
    airlock::fuzz::require(false, "FUZZ_TARGET names no target");
    return static_cast<const airlock::fuzz::Target*>(nullptr);
  }();
  airlock::fuzz::run(*chosen, {reinterpret_cast<const char*>(data), size});
  return 0;
}
