// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/signature_region.hpp"

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/bundle/tar.hpp"

namespace airlock::bundle {

namespace {

constexpr std::string_view suffix = ".sig";

void append_entry(std::string& bytes, const std::string& name, std::string_view content) {
  const auto header = tar::make_header({name, content.size()});
  bytes.append(header.data(), header.size());
  bytes.append(content);
  bytes.resize(tar::padded(bytes.size()), '\0');
}

}  // namespace

std::string signature_entry_name(const std::string& name) {
  const std::string path = std::string(signature_directory) + name + std::string(suffix);
  if (!is_signature_entry(path))
    throw Error(ErrorCode::usage, "\"" + name + "\" cannot name a signature")
        .hint("use 1 to 64 letters, digits, dots, dashes and underscores; see --name");
  return path;
}

bool is_signature_entry(std::string_view path) {
  if (!path.starts_with(signature_directory) || !path.ends_with(suffix)) return false;
  path.remove_prefix(signature_directory.size());
  return path.size() > suffix.size() && is_plain_name(path.substr(0, path.size() - suffix.size()));
}

std::string format_region(const std::vector<trust::SignatureFile>& signatures) {
  std::string region;
  for (const trust::SignatureFile& file : signatures) append_entry(region, file.name, file.bytes);
  if (region.size() + tar::block_size > region_size)
    throw Error(ErrorCode::trust, Side::bundle,
                "no room for a further signature: " + count_of(signatures.size(), "signature") +
                    " need more than the " + human_size(region_size) + " reserved for them")
        .hint("give the new signature as a file of its own to verify and import: --signature FILE");
  append_entry(region, std::string(reserved_entry), std::string(region_size - region.size() - tar::block_size, '\0'));
  return region;
}

}  // namespace airlock::bundle
