// SPDX-License-Identifier: Apache-2.0
// Texts of which there are few different ones and very many uses, such as media types: equal ones share one copy.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace airlock {

/// As large as a pointer. The copy behind it lives as long as the process. Thread-safe.
class Interned {
 public:
  Interned() : Interned(std::string_view()) {}
  Interned(std::string_view text);  // NOLINT(google-explicit-constructor): a text
  Interned(const std::string& text) : Interned(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Interned(const char* text) : Interned(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)

  const std::string& str() const { return *text_; }
  operator std::string_view() const { return *text_; }  // NOLINT(google-explicit-constructor): a text

  bool operator==(const Interned& other) const { return text_ == other.text_; }
  /// By text.
  std::strong_ordering operator<=>(const Interned& other) const {
    return text_ == other.text_ ? std::strong_ordering::equal : *text_ <=> *other.text_;
  }

 private:
  const std::string* text_;
};

}  // namespace airlock
