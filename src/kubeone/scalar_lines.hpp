// SPDX-License-Identifier: Apache-2.0
// In which line of a file a part of a scalar stands.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock::kubeone {

/// Where lines of a text are, to place what stands in a block scalar.
class ScalarLines {
 public:
  ScalarLines(std::string_view text, std::size_t first) : text_(text), first_(first) {}

  /// The line of what stands `offset` bytes into a scalar that begins in `line`. Asked for in ascending order, all
  /// parts of a scalar together cost one pass over it. Nodes may not move meanwhile.
  std::size_t of(const YamlNode& node, std::size_t offset) {
    if (&node != node_ || offset < offset_) {
      node_ = &node;
      offset_ = breaks_ = 0;
      block_ = is_block(node.line);
    }
    const std::string_view passed = std::string_view(node.text).substr(offset_, offset - offset_);
    breaks_ += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    offset_ = offset;
    return block_ ? node.line + 1 + breaks_ : node.line;
  }

 private:
  bool is_block(std::size_t line) {
    if (starts_.empty()) {
      starts_.push_back(0);
      for (auto at = text_.find('\n'); at != std::string_view::npos; at = text_.find('\n', at + 1))
        starts_.push_back(at + 1);
    }
    if (line < first_ || line - first_ >= starts_.size()) return false;
    std::string_view start = text_.substr(starts_[line - first_]);
    start = trim(start.substr(0, start.find('\n')));
    const auto indicator = start.find_last_of("|>");
    return indicator != std::string_view::npos &&
           start.find_first_not_of("+-0123456789", indicator + 1) == std::string_view::npos;
  }

  std::string_view text_;
  std::size_t first_;
  std::vector<std::size_t> starts_;
  const YamlNode* node_ = nullptr;  // the last one, and how far it was looked through
  std::size_t offset_ = 0;
  std::size_t breaks_ = 0;
  bool block_ = false;
};

}  // namespace airlock::kubeone
