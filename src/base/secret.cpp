// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/secret.hpp"

#include <cstring>

namespace airlock {

void wipe(void* bytes, std::size_t size) noexcept { ::explicit_bzero(bytes, size); }

void wipe(std::string& text) noexcept {
  wipe(text.data(), text.size());
  text.clear();
}

}  // namespace airlock
