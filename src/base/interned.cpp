// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/interned.hpp"

#include <functional>
#include <mutex>
#include <set>

namespace airlock {

namespace {

struct Pool {
  std::mutex mutex;
  std::set<std::string, std::less<>> texts;  // its elements stay where they are
};

}  // namespace

Interned::Interned(std::string_view text) {
  static auto* const pool = new Pool;  // never destroyed: destructors of other statics may use texts
  const std::lock_guard lock(pool->mutex);
  auto found = pool->texts.find(text);
  if (found == pool->texts.end()) found = pool->texts.emplace(text).first;
  text_ = &*found;
}

}  // namespace airlock
