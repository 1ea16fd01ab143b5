// SPDX-License-Identifier: Apache-2.0
#include "bundle/cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::bundle {

namespace {

void check_padding(const ReadableMedium& medium, const Cursor::Found& found) {
  std::array<char, tar::block_size> padding{};
  const std::span<char> rest(padding.data(), tar::padded(found.size) - found.size);
  medium.read(found.offset + found.size, rest);
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return c != '\0'; }))
    refuse_structure(found.entry.name + ": bytes other than zero after its content");
}

/// Where a bundle comes in volumes, what is wrong is said with the volume that holds it.
template <typename Action>
auto in_place(const ReadableMedium& medium, std::uint64_t offset, std::uint64_t size, const Action& action)
    -> decltype(action()) {
  try {
    return action();
  } catch (const Error& error) {
    const std::string where = medium.where(offset, size);
    if (where.empty()) throw;
    throw Error(error.code(), error.side(), fmt::format("a volume is not what belongs here{}: {}", where, error.what()))
        .hint("it is damaged, swapped with another one, or of another bundle; copy it again from its exporter");
  }
}

}  // namespace

void refuse_structure(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, why)
      .hint("this is not a bundle as airlock writes it; get the file again from its exporter");
}

std::optional<Cursor::Found> Cursor::next() {
  tar::Block block{};
  if (medium.size() - position < block.size())
    throw Error(ErrorCode::format, Side::bundle,
                fmt::format("{} is cut short: no end mark in its {} bytes", medium.name(), medium.size()))
        .hint(medium.advice_when_short());
  medium.read(position, block);
  if (tar::is_end(block)) return std::nullopt;
  const tar::Entry entry = in_place(medium, position, block.size(), [&] { return tar::parse_header(block, position); });
  const Found found{entry, position + tar::block_size, entry.size};
  const std::uint64_t available = medium.size() - found.offset;
  const std::uint64_t needed = tar::padded(found.size);
  if (needed > available)
    throw Error(ErrorCode::format, Side::bundle,
                fmt::format("{} is cut short: {} needs {}, {} are left", medium.name(), entry.name, human_size(needed),
                            human_size(available)))
        .hint(medium.advice_when_short());
  in_place(medium, found.offset + found.size, needed - found.size, [&] { check_padding(medium, found); });
  position = found.offset + needed;
  return found;
}

}  // namespace airlock::bundle
