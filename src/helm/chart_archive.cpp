// SPDX-License-Identifier: Apache-2.0
#include "helm/chart_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <memory>

#include "airlock/base/error.hpp"
#include "airlock/base/handle.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"

namespace airlock::helm {

namespace {

constexpr std::size_t max_files = 20'000;

[[noreturn]] void refuse_archive(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: {}", where, why))
      .hint("it is no archive of a chart that Helm would take: get it again, or ask its publisher");
}

/// The path below the chart's folder; empty for the folder itself.
std::string below_folder(const std::string& path, const std::string& where) {
  const auto parts = split(path, '/');
  std::string below;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == ".." || (i == 0 && parts[i].empty()))
      refuse_archive(where, fmt::format("the path {} leaves it", printable(path, 200)));
    if (i > 0 && !parts[i].empty()) below += (below.empty() ? "" : "/") + parts[i];
  }
  return below;
}

}  // namespace

std::map<std::string, std::string> read_archive(std::string_view archive, const std::string& where,
                                                const std::function<bool(std::string_view)>& wanted,
                                                std::size_t& left) {
  const std::unique_ptr<struct archive, Releaser<archive_read_free>> reader(archive_read_new());
  const auto check = [&](la_ssize_t status) {
    if (status >= 0) return;
    const char* reason = archive_error_string(reader.get());
    refuse_archive(where, fmt::format("it does not unpack: {}", reason == nullptr ? "unknown reason" : reason));
  };
  check(archive_read_support_filter_gzip(reader.get()));
  check(archive_read_support_format_tar(reader.get()));
  check(archive_read_open_memory(reader.get(), archive.data(), archive.size()));
  std::map<std::string, std::string> files;
  std::size_t count = 0;
  struct archive_entry* entry = nullptr;
  for (;;) {
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return files;
    check(status);
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* name = archive_entry_pathname(entry);
    const std::string path = below_folder(name == nullptr ? "" : name, where);
    if (path.empty()) continue;
    if (++count > max_files) refuse_archive(where, "it has more than 20,000 files");
    std::string content;
    std::string buffer(64U << 10, '\0');
    for (;;) {
      const la_ssize_t size = archive_read_data(reader.get(), buffer.data(), buffer.size());
      check(size);
      if (size == 0) break;
      throw_if_interrupted();
      if (static_cast<std::size_t>(size) > left)
        refuse_archive(where, "it unpacks to more than 128 MiB, with all charts in it");
      left -= static_cast<std::size_t>(size);
      if (wanted(path)) content.append(buffer.data(), static_cast<std::size_t>(size));
    }
    if (wanted(path)) files.insert_or_assign(path, std::move(content));
  }
}

}  // namespace airlock::helm
