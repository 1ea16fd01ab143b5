// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/sums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "airlock/base/error.hpp"

namespace airlock::bundle {

namespace {

bool by_name(const SumLine& a, const SumLine& b) { return a.name < b.name; }

}  // namespace

std::string format_sums(Sums sums) {
  constexpr std::size_t blob_line = 64 + 2 + blob_directory.size() + 64 + 1;
  std::sort(sums.begin(), sums.end(), by_name);
  std::string text;
  text.reserve(sums.size() * blob_line);
  for (const SumLine& line : sums)
    fmt::format_to(std::back_inserter(text), "{}  {}\n", line.digest.hex(), line.name.str());
  return text;
}

Sums parse_sums(std::string_view text) {
  Sums sums;
  sums.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')));
  std::string_view last;
  const auto where = [&] { return fmt::format("SHA256SUMS line {}", sums.size() + 1); };
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::format, Side::bundle, fmt::format("{}: {}", where(), why));
  };
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) refuse("no line feed at the end");
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    constexpr std::size_t path_at = 66;
    if (line.size() <= path_at || line.substr(64, 2) != "  ") refuse("not \"<64 hexadecimal digits>  <path>\"");
    const auto path = line.substr(path_at);
    if (path.find_first_of("\r\\") != std::string_view::npos) refuse("a carriage return or a backslash in the path");
    if (!sums.empty() && last >= path) refuse(fmt::format("{} is not in bytewise order, or appears twice", path));
    last = path;
    sums.push_back({path, within(where, [&] { return oci::Digest::from_hex(line.substr(0, 64)); })});
  }
  return sums;
}

const oci::Digest* find_sum(const Sums& sums, const EntryName& name) {
  const auto found = std::lower_bound(sums.begin(), sums.end(), name,
                                      [](const SumLine& line, const EntryName& wanted) { return line.name < wanted; });
  return found == sums.end() || found->name != name ? nullptr : &found->digest;
}

}  // namespace airlock::bundle
