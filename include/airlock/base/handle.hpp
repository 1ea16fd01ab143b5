// SPDX-License-Identifier: Apache-2.0
// Ownership of resources of C libraries.
#pragma once

namespace airlock {

/// Calls a C library's release function: `std::unique_ptr<BIO, Releaser<BIO_free>>`.
template <auto Function>
struct Releaser {
  template <typename T>
  void operator()(T* pointer) const {
    Function(pointer);
  }
};

}  // namespace airlock
