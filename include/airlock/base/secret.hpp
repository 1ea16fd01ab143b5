// SPDX-License-Identifier: Apache-2.0
// Passphrases, passwords and tokens: bytes that are overwritten when no longer needed, so that they do not
// stay in freed memory. Copies inside libcurl and OpenSSL are not covered.
#pragma once

#include <compare>
#include <cstddef>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace airlock {

/// Overwrites bytes; not optimized away.
void wipe(void* bytes, std::size_t size) noexcept;
/// Overwrites the text and makes it empty.
void wipe(std::string& text) noexcept;

/// Overwrites memory before it is freed.
template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T))); }
  void deallocate(T* pointer, std::size_t count) noexcept {
    wipe(pointer, count * sizeof(T));
    ::operator delete(pointer);
  }
  bool operator==(const WipingAllocator&) const { return true; }
};

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  /// Takes a text over and overwrites it.
  static Secret take(std::string& text) {
    Secret secret{std::string_view(text)};
    wipe(text);
    return secret;
  }

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
  Secret& append(std::string_view more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  /// Ends it with a NUL, for the C functions that ask for one. The NUL counts in size().
  Secret& terminate() {
    bytes_.push_back('\0');
    return *this;
  }
  void drop_last() { bytes_.pop_back(); }
  bool operator==(const Secret&) const = default;

 private:
  // Not a std::string: that keeps short texts in the object itself, where no allocator overwrites them.
  std::vector<char, WipingAllocator<char>> bytes_;
};

/// Overwrites a borrowed text on destruction: a file or a response with passwords in it.
class WipedText {
 public:
  explicit WipedText(std::string& owned) : owned_(owned) {}
  ~WipedText() { wipe(owned_); }
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;

 private:
  std::string& owned_;
};

}  // namespace airlock
