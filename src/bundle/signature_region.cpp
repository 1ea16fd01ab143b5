// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/signature_region.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/tar.hpp"
#include "bundle/cursor.hpp"

namespace airlock::bundle {

namespace {

void append_entry(std::string& bytes, const std::string& name, std::string_view content) {
  const auto header = tar::make_header({name, content.size()});
  bytes.append(header.data(), header.size());
  bytes.append(content);
  bytes.resize(tar::padded(bytes.size()), '\0');
}

/// The entries, and the filler up to `space` bytes in all.
std::string format_entries(const std::vector<trust::SignatureFile>& signatures, std::uint64_t space) {
  std::string bytes;
  for (const trust::SignatureFile& file : signatures) append_entry(bytes, file.name, file.bytes);
  if (bytes.size() + tar::block_size > space)
    throw Error(ErrorCode::media, Side::bundle, "no room for a further signature in its 64 KiB of signatures")
        .hint(
            "write it beside the bundle with --sidecar DIRECTORY, and give the files to verify and import with "
            "--signature");
  append_entry(bytes, std::string(reserved_entry), std::string(space - bytes.size() - tar::block_size, '\0'));
  return bytes;
}

void read_region(Cursor& cursor, Head& head) {
  for (;;) {
    const auto found = cursor.next();
    if (!found || !found->entry.name.starts_with(signature_directory))
      refuse_structure("the signature region does not end with " + std::string(reserved_entry));
    if (cursor.position > head.region_offset + region_size)
      refuse_structure("the signature region is larger than 64 KiB");
    std::string content(found->size, '\0');
    cursor.medium.read(found->offset, content);
    if (found->entry.name == reserved_entry) {
      if (cursor.position != head.region_offset + region_size)
        refuse_structure("the signature region is not 64 KiB long");
      head.filler_offset = found->offset - tar::block_size;
      head.leftovers = content.find_first_not_of('\0') != std::string::npos;
      return;
    }
    if (!is_signature_entry(found->entry.name))
      refuse_structure(found->entry.name + ": not a signature that airlock knows");
    const bool twice = std::any_of(head.signatures.begin(), head.signatures.end(),
                                   [&](const auto& file) { return file.name == found->entry.name; });
    if (twice) refuse_structure(found->entry.name + " appears twice");
    head.signatures.push_back({found->entry.name, std::move(content)});
  }
}

}  // namespace

std::string signature_stem(const std::string& name) {
  if (!is_plain_name(name) || name.ends_with(".approval"))
    throw Error(ErrorCode::usage, fmt::format("\"{}\" cannot name a signature", printable(name)))
        .hint("use 1 to 64 letters, digits, dots, dashes and underscores, not ending in .approval");
  std::string stem = std::string(signature_directory) + name;
  constexpr std::size_t longest_suffix = 23;  // .approval.sigstore.json
  static_assert(signature_directory.size() + 64 + longest_suffix <= 100, "a tar name has 100 characters");
  return stem;
}

bool is_signature_entry(std::string_view path) {
  if (!path.starts_with(signature_directory)) return false;
  path.remove_prefix(signature_directory.size());
  const auto form = trust::form_of(path);
  if (!form) return false;
  const auto name = path.substr(0, path.size() - trust::suffix_of(*form).size());
  return is_plain_name(name) && !name.ends_with(".approval");
}

std::string format_region(const std::vector<trust::SignatureFile>& signatures) {
  return format_entries(signatures, region_size);
}

Head read_head(const ReadableMedium& medium) {
  Cursor cursor{medium};
  const auto first = cursor.next();
  if (!first || first->entry.name != "SHA256SUMS") refuse_structure("the first entry is not SHA256SUMS");
  if (first->size > max_sums_size) refuse_structure("SHA256SUMS is larger than " + human_size(max_sums_size));
  Head head;
  head.sums_offset = first->offset;
  head.sums.resize(first->size);
  medium.read(first->offset, head.sums);
  head.region_offset = cursor.position;
  read_region(cursor, head);
  return head;
}

void check_room(const Head& head, const std::vector<trust::SignatureFile>& added) {
  static_cast<void>(format_entries(added, head.region_offset + region_size - head.filler_offset));
}

void append_signatures(SignableMedium& medium, const Head& head, const std::vector<trust::SignatureFile>& added) {
  const std::string bytes = format_entries(added, head.region_offset + region_size - head.filler_offset);
  const std::string_view text = bytes;
  // As long as the filler's header stands, what follows it is its content and means nothing.
  medium.overwrite(head.filler_offset + tar::block_size, text.substr(tar::block_size));
  medium.overwrite(head.filler_offset, text.substr(0, tar::block_size));
}

}  // namespace airlock::bundle
