// SPDX-License-Identifier: Apache-2.0
#include "registry/link_header.hpp"

#include <algorithm>

#include "airlock/base/text.hpp"
#include "registry/header_scanner.hpp"

namespace airlock::registry {

namespace {

/// Whether the parameters of one link, which are read, have `rel` with the word "next" in it.
bool leads_on(HeaderScanner& link) {
  bool next = false;
  for (link.skip(" \t"); link.take(';'); link.skip(" \t")) {
    link.skip(" \t");
    const std::string name = to_lower(link.token());
    link.skip(" \t");
    if (!link.take('=')) continue;
    link.skip(" \t");
    const auto words = split(to_lower(link.value()), ' ');
    next = next || (name == "rel" && std::find(words.begin(), words.end(), "next") != words.end());
  }
  return next;
}

}  // namespace

std::optional<std::string> next_page(const std::vector<std::string>& links) {
  for (const std::string& value : links) {
    HeaderScanner scanner(value);
    for (scanner.skip(" \t,"); scanner.take('<'); scanner.skip(" \t,")) {
      const auto url = scanner.up_to('>');
      if (!url) break;
      if (leads_on(scanner)) return *url;
    }
  }
  return std::nullopt;
}

}  // namespace airlock::registry
