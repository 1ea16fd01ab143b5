// SPDX-License-Identifier: Apache-2.0
#include "kubeone/manifest_words.hpp"

#include "airlock/base/text.hpp"

namespace airlock::kubeone {

bool is_bare_word(std::string_view text) {
  if (is_one_of(to_lower(text), switch_words)) return false;
  const auto letter = std::find_if(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  const bool duration = letter != text.begin() && letter != text.end() && text.end() - letter <= 2;  // 10m, 300ms
  return letter != text.end() && !duration;
}

bool is_cluster_service(std::string_view reference) {
  const std::string_view host = reference.substr(0, reference.find_first_of("/:"));
  return host.ends_with(".svc") || host.find(".svc.") != std::string_view::npos;
}

bool has_capital(std::string_view reference) {
  return std::any_of(reference.begin(), reference.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool names_registry_for_all(const YamlNode& node, int depth) {
  return std::any_of(node.entries.begin(), node.entries.end(), [&](const YamlEntry& entry) {
    const bool registry = entry.key == "imageRegistry" || entry.key == "hub" || (depth > 0 && entry.key == "registry");
    if (registry && entry.value.is_scalar() && !entry.value.text.empty()) return true;
    const bool deeper = depth == 0 ? entry.key == "global" : depth < 3;
    return deeper && entry.value.kind == YamlNode::Kind::mapping && names_registry_for_all(entry.value, depth + 1);
  });
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view separators = " \t\r\n,;\"'[]{}";
  std::vector<std::string_view> words;
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

}  // namespace airlock::kubeone
