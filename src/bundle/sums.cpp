// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/sums.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"

namespace airlock::bundle {

std::string format_sums(const Sums& sums) {
  std::string text;
  for (const auto& [path, digest] : sums) text += fmt::format("{}  {}\n", digest.hex(), path);
  return text;
}

Sums parse_sums(std::string_view text) {
  Sums sums;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string where = fmt::format("SHA256SUMS line {}", ++number);
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      throw Error(ErrorCode::format, Side::bundle, where + ": no line feed at the end");
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    constexpr std::size_t path_at = 66;
    if (line.size() <= path_at || line.substr(64, 2) != "  ")
      throw Error(ErrorCode::format, Side::bundle, where + ": not \"<64 hexadecimal digits>  <path>\"");
    const std::string path(line.substr(path_at));
    if (path.find_first_of("\r\\") != std::string::npos)
      throw Error(ErrorCode::format, Side::bundle, where + ": a carriage return or a backslash in the path");
    if (!sums.empty() && sums.rbegin()->first >= path)
      throw Error(ErrorCode::format, Side::bundle,
                  fmt::format("{}: {} is not in bytewise order, or appears twice", where, path));
    const auto digest = within([&] { return where; }, [&] { return oci::Digest::from_hex(line.substr(0, 64)); });
    sums.emplace_hint(sums.end(), path, digest);
  }
  return sums;
}

}  // namespace airlock::bundle
