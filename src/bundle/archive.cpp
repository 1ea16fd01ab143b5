// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/tar.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t max_entries = 200'010;         // what Closure allows, and the metadata entries
constexpr std::uint64_t max_end_padding = 1U << 20;  // some media round up to whole blocks

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, why)
      .hint("this is not a bundle as airlock writes it; get the file again from its exporter");
}

}  // namespace

/// Walks the archive from header to header.
struct Archive::Cursor {
  const ReadableMedium& medium;
  std::uint64_t position = 0;

  struct Found {
    tar::Entry entry;
    Place place;
  };

  /// The entry at the position, which moves behind it; nothing at the end mark, where it stays.
  std::optional<Found> next() {
    tar::Block block{};
    if (medium.size() - position < block.size())
      throw Error(ErrorCode::format, Side::bundle,
                  medium.name() + " is cut short: no end mark in its " + std::to_string(medium.size()) + " bytes")
          .hint("the file did not arrive whole; copy it again");
    medium.read(position, block);
    if (tar::is_end(block)) return std::nullopt;
    Found found{tar::parse_header(block, position), {position + tar::block_size, 0}};
    found.place.size = found.entry.size;
    const std::uint64_t available = medium.size() - found.place.offset;
    const std::uint64_t needed = tar::padded(found.entry.size);
    if (needed > available)
      throw Error(ErrorCode::format, Side::bundle,
                  medium.name() + " is cut short: " + found.entry.name + " needs " + human_size(needed) + ", " +
                      human_size(available) + " are left")
          .hint("the file did not arrive whole; copy it again");
    check_padding(found);
    position = found.place.offset + needed;
    return found;
  }

 private:
  void check_padding(const Found& found) const {
    std::array<char, tar::block_size> padding{};
    const std::span<char> rest(padding.data(), tar::padded(found.entry.size) - found.entry.size);
    medium.read(found.place.offset + found.entry.size, rest);
    if (std::any_of(rest.begin(), rest.end(), [](char c) { return c != '\0'; }))
      refuse(found.entry.name + ": bytes other than zero after its content");
  }
};

Archive::Archive(std::shared_ptr<const ReadableMedium> medium) : medium_(std::move(medium)) {
  Cursor cursor{*medium_};
  const auto first = cursor.next();
  if (!first || first->entry.name != "SHA256SUMS") refuse("the first entry is not SHA256SUMS");
  if (first->place.size > max_sums_size) refuse("SHA256SUMS is larger than " + human_size(max_sums_size));
  places_.emplace(first->entry.name, first->place);
  sums_ = read("SHA256SUMS", max_sums_size);
  region_offset_ = cursor.position;
  read_region(cursor);
  read_entries(cursor);
  check_end(cursor);
}

void Archive::read_region(Cursor& cursor) {
  for (;;) {
    const auto found = cursor.next();
    if (!found || !found->entry.name.starts_with(signature_directory))
      refuse("the signature region does not end with " + std::string(reserved_entry));
    if (cursor.position > region_offset_ + region_size) refuse("the signature region is larger than 64 KiB");
    std::string content(found->place.size, '\0');
    medium_->read(found->place.offset, content);
    if (found->entry.name == reserved_entry) {
      if (cursor.position != region_offset_ + region_size) refuse("the signature region is not 64 KiB long");
      if (content.find_first_not_of('\0') != std::string::npos)
        refuse(std::string(reserved_entry) + ": bytes other than zero");
      return;
    }
    if (!is_signature_entry(found->entry.name)) refuse(found->entry.name + ": not a signature that airlock knows");
    const bool twice = std::any_of(signatures_.begin(), signatures_.end(),
                                   [&](const auto& file) { return file.name == found->entry.name; });
    if (twice) refuse(found->entry.name + " appears twice");
    signatures_.push_back({found->entry.name, std::move(content)});
  }
}

void Archive::read_entries(Cursor& cursor) {
  while (const auto found = cursor.next()) {
    const std::string& name = found->entry.name;
    if (name.starts_with(signature_directory)) refuse(name + " stands outside the signature region");
    if (!places_.emplace(name, found->place).second) refuse(name + " appears twice");
    names_.push_back(name);
    if (names_.size() > max_entries) refuse("more than " + std::to_string(max_entries) + " entries");
  }
}

void Archive::check_end(const Cursor& cursor) const {
  const std::uint64_t rest = medium_->size() - cursor.position;
  if (rest < tar::end_size)
    throw Error(ErrorCode::format, Side::bundle, medium_->name() + " is cut short: the end mark is not whole")
        .hint("the file did not arrive whole; copy it again");
  if (rest > max_end_padding) refuse(human_size(rest) + " of data after the end of the archive");
  std::string tail(rest, '\0');
  medium_->read(cursor.position, tail);
  if (tail.find_first_not_of('\0') != std::string::npos) refuse("data after the end of the archive");
}

std::string Archive::read(const std::string& name, std::size_t limit) const {
  const auto place = places_.find(name);
  if (place == places_.end()) refuse(name + " is missing");
  if (place->second.size > limit) refuse(name + " is larger than " + human_size(limit));
  std::string content(place->second.size, '\0');
  medium_->read(place->second.offset, content);
  return content;
}

}  // namespace airlock::bundle
