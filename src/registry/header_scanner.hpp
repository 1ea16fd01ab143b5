// SPDX-License-Identifier: Apache-2.0
// Reads the value of an HTTP header from left to right: words, quoted strings and what separates them (RFC 9110,
// section 5.6).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace airlock::registry {

class HeaderScanner {
 public:
  explicit HeaderScanner(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  void skip(std::string_view characters) {
    text_.remove_prefix(std::min(text_.find_first_not_of(characters), text_.size()));
  }
  /// A word; empty where there is none.
  std::string token() {
    const auto end = std::min(text_.find_first_of(" \t,;=\""), text_.size());
    std::string word(text_.substr(0, end));
    text_.remove_prefix(end);
    return word;
  }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// A word, or what stands between quotation marks.
  std::string value() {
    if (!take('"')) return token();
    std::string text;
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
      text += text_.front();
      text_.remove_prefix(1);
    }
    take('"');
    return text;
  }
  /// The same, where a word may hold what is no word by the rules, such as a URL without quotation marks.
  std::string value_up_to(std::string_view ends) {
    if (text_.starts_with('"')) return value();
    const auto end = std::min(text_.find_first_of(ends), text_.size());
    std::string word(text_.substr(0, end));
    text_.remove_prefix(end);
    return word;
  }
  /// All up to a character, which is taken too; nothing where it does not come.
  std::optional<std::string> up_to(char end) {
    const auto at = text_.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    std::string taken(text_.substr(0, at));
    text_.remove_prefix(at + 1);
    return taken;
  }

 private:
  std::string_view text_;
};

}  // namespace airlock::registry
