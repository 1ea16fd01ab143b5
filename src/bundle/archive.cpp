// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

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
  extents_.emplace("SHA256SUMS", Extent{head_.sums_offset, head_.sums.size()});
  Cursor cursor{*medium_, head_.region_offset + region_size};
  read_entries(cursor);
  check_end(cursor);
}

void Archive::read_entries(Cursor& cursor) {
  while (const auto found = cursor.next()) {
    const std::string& name = found->entry.name;
    if (name.starts_with(signature_directory)) refuse_structure(name + " stands outside the signature region");
    if (!extents_.emplace(name, Extent{found->offset, found->size}).second) refuse_structure(name + " appears twice");
    names_.push_back(name);
    if (names_.size() > max_entries) refuse_structure(fmt::format("more than {} entries", max_entries));
  }
}

void Archive::check_end(const Cursor& cursor) const {
  const std::uint64_t rest = medium_->size() - cursor.position;
  if (rest < tar::end_size)
    throw Error(ErrorCode::format, Side::bundle, medium_->name() + " is cut short: the end mark is not whole")
        .hint(medium_->advice_when_short());
  const std::string where = medium_->where(cursor.position, rest);
  if (rest > max_end_padding)
    refuse_structure(fmt::format("{} of data after the end of the archive{}", human_size(rest), where));
  std::string tail(rest, '\0');
  medium_->read(cursor.position, tail);
  if (tail.find_first_not_of('\0') != std::string::npos) refuse_structure("data after the end of the archive" + where);
}

std::string Archive::read(const std::string& name, std::size_t limit) const {
  const auto place = extents_.find(name);
  if (place == extents_.end()) refuse_structure(name + " is missing");
  if (place->second.size > limit) refuse_structure(fmt::format("{} is larger than {}", name, human_size(limit)));
  std::string content(place->second.size, '\0');
  medium_->read(place->second.offset, content);
  return content;
}

}  // namespace airlock::bundle
