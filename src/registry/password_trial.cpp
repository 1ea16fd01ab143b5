// SPDX-License-Identifier: Apache-2.0
#include "registry/password_trial.hpp"

#include <utility>

namespace airlock::registry {

bool PasswordTrial::begin() {
  std::unique_lock lock(mutex_);
  while (state_ == State::trying && !refusal_) changed_.wait(lock);
  if (refusal_) throw Error(*refusal_);
  if (state_ == State::right) return false;
  state_ = State::trying;
  return true;
}

void PasswordTrial::end(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  state_ = outcome == Outcome::right ? State::right : State::unknown;
  changed_.notify_all();
}

void PasswordTrial::end(Error refusal) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(refusal);
  changed_.notify_all();
}

std::size_t PasswordTrial::waiting() const {
  const std::lock_guard lock(mutex_);
  return changed_.waiting();
}

}  // namespace airlock::registry
