// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/bundle/tar.hpp"
#include "bundle/cursor.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t max_entries = 200'010;         // what Closure allows, and the metadata entries
constexpr std::uint64_t max_end_padding = 1U << 20;  // some media round up to whole blocks

}  // namespace

Archive::Archive(std::shared_ptr<const ReadableMedium> medium)
    : medium_(std::move(medium)), head_(read_head(*medium_)) {
  Cursor cursor{*medium_, head_.region_offset + region_size};
  read_entries(cursor);
  check_end(cursor);
  sort_names();
}

void Archive::read_entries(Cursor& cursor) {
  while (const auto found = cursor.next()) {
    const std::string& name = found->entry.name;
    if (name.starts_with(signature_directory)) refuse_structure(name + " stands outside the signature region");
    if (name == "SHA256SUMS") refuse_structure(name + " appears twice");
    entries_.push_back({name, {found->offset, found->size}});
    if (entries_.size() > max_entries) refuse_structure(fmt::format("more than {} entries", max_entries));
  }
  entries_.shrink_to_fit();
}

void Archive::sort_names() {
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return entries_[a].name < entries_[b].name; });
  const auto twice = std::adjacent_find(by_name_.begin(), by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return entries_[a].name == entries_[b].name;
  });
  if (twice != by_name_.end()) refuse_structure(entries_[*twice].name.str() + " appears twice");
}

const Archive::Entry* Archive::find(const EntryName& name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](std::uint32_t index, const EntryName& wanted) { return entries_[index].name < wanted; });
  return found == by_name_.end() || entries_[*found].name != name ? nullptr : &entries_[*found];
}

void Archive::check_end(const Cursor& cursor) const {
  const std::uint64_t rest = medium_->size() - cursor.position;
  if (rest < tar::end_size)
    throw Error(ErrorCode::format, Side::bundle, medium_->name() + " is cut short: the end mark is not whole")
        .hint(medium_->advice_when_short());
  const std::string where = medium_->where(cursor.position, rest);
  if (rest > tar::end_size + max_end_padding)
    refuse_structure(fmt::format("{} of data after the end of the archive{}", human_size(rest), where));
  std::string tail(rest, '\0');
  medium_->read(cursor.position, tail);
  if (tail.find_first_not_of('\0') != std::string::npos) refuse_structure("data after the end of the archive" + where);
}

std::string Archive::read(const EntryName& name, std::size_t limit) const {
  const Entry* entry = find(name);
  if (entry == nullptr) refuse_structure(name.str() + " is missing");
  if (entry->extent.size > limit) refuse_structure(fmt::format("{} is larger than {}", name.str(), human_size(limit)));
  std::string content(entry->extent.size, '\0');
  medium_->read(entry->extent.offset, content);
  return content;
}

}  // namespace airlock::bundle
