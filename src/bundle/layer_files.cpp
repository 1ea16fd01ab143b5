// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/layer_files.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <exception>
#include <memory>
#include <optional>

#include "airlock/base/handle.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/layer_stream.hpp"
#include "bundle/refuse_layer.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t max_tar_entries = 2'000'000;

/// A path below the root; nothing for one that leaves it.
std::optional<std::string> normal_path(std::string_view text) {
  std::string path;
  while (!text.empty()) {
    const auto slash = std::min(text.find('/'), text.size());
    const std::string_view part = text.substr(0, slash);
    text.remove_prefix(std::min(slash + 1, text.size()));
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

FileKind kind_of(struct archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return FileKind::hardlink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return FileKind::file;
    case AE_IFDIR: return FileKind::directory;
    case AE_IFLNK: return FileKind::symlink;
    default: return FileKind::other;
  }
}

/// libarchive over the stream of a layer.
class TarReader final : public FileContent {
 public:
  TarReader(BlobReader layer, std::string_view media_type)
      : stream_(open_layer(std::move(layer), media_type)), reader_(archive_read_new()) {
    check(archive_read_support_format_tar(reader_.get()));
    check(archive_read_support_format_empty(reader_.get()));
    check(archive_read_open(reader_.get(), this, nullptr, read_piece, nullptr));
    buffer_.resize(128U << 10);
  }

  /// The next entry that can be one of a root; nothing at the end.
  std::optional<LayerFile> next_file() {
    for (;;) {
      struct archive_entry* entry = nullptr;
      const int status = archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) return std::nullopt;
      check(status);
      if (++entries_ > max_tar_entries) refuse_layer("it has more than two million entries");
      if (auto file = read_entry(entry)) return file;
    }
  }

  std::string_view next() override {
    const la_ssize_t size = archive_read_data(reader_.get(), buffer_.data(), buffer_.size());
    check(size);
    return {buffer_.data(), static_cast<std::size_t>(size)};
  }

  /// What follows the end of the tar is part of the layer, too.
  void drain() {
    while (!stream_->next().empty()) {
    }
  }

 private:
  static std::optional<LayerFile> read_entry(struct archive_entry* entry) {
    // Without a locale, names of pax headers are there in UTF-8 only, others as they are.
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) name = archive_entry_pathname_utf8(entry);
    auto path = normal_path(name == nullptr ? "" : name);
    if (!path) return std::nullopt;
    const std::string_view last = std::string_view(*path).substr(path->rfind('/') + 1);
    // containerd refuses these (archive/tar.go, "invalid whiteout name"): they would delete the folder itself, or
    // above.
    if (last == ".wh." || last == ".wh.." || last == ".wh...")
      refuse_layer("the whiteout " + printable(*path, 200) + " names nothing");
    LayerFile file;
    file.path = std::move(*path);
    file.kind = kind_of(entry);
    file.mode = static_cast<std::uint32_t>(archive_entry_mode(entry)) & 07777U;
    file.uid = static_cast<std::uint64_t>(archive_entry_uid(entry));
    file.gid = static_cast<std::uint64_t>(archive_entry_gid(entry));
    if (file.kind == FileKind::file) file.size = static_cast<std::uint64_t>(archive_entry_size(entry));
    if (file.kind == FileKind::symlink) {
      const char* target = archive_entry_symlink(entry);
      if (target == nullptr) target = archive_entry_symlink_utf8(entry);
      file.target = target == nullptr ? "" : target;
    }
    if (file.kind == FileKind::hardlink) {
      auto target = normal_path(archive_entry_hardlink(entry));
      if (!target) return std::nullopt;
      file.target = std::move(*target);
    }
    if (file.kind == FileKind::other) file.device = static_cast<std::uint64_t>(archive_entry_rdev(entry));
    file.capability = capability_of(entry);
    return file;
  }

  static std::string capability_of(struct archive_entry* entry) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (int i = archive_entry_xattr_reset(entry); i > 0; --i) {
      if (archive_entry_xattr_next(entry, &name, &value, &size) != ARCHIVE_OK) break;
      if (std::string_view(name) == "security.capability") return {static_cast<const char*>(value), size};
    }
    return {};
  }

  void check(la_ssize_t status) const {
    if (thrown_) std::rethrow_exception(thrown_);
    const char* reason = archive_error_string(reader_.get());
    // Warnings (of names in odd character sets) are between 0 and ARCHIVE_FAILED.
    if (status < ARCHIVE_WARN)
      refuse_layer(std::string("it is no tar: ") + (reason == nullptr ? "unknown reason" : printable(reason)));
  }

  /// Exceptions must not pass through libarchive: they wait.
  static la_ssize_t read_piece(struct archive* archive, void* context, const void** buffer) {
    auto& self = *static_cast<TarReader*>(context);
    try {
      const auto piece = self.stream_->next();
      *buffer = piece.data();
      return static_cast<la_ssize_t>(piece.size());
    } catch (...) {
      self.thrown_ = std::current_exception();
      archive_set_error(archive, EIO, "reading failed");
      return -1;
    }
  }

  std::unique_ptr<LayerStream> stream_;
  std::exception_ptr thrown_;
  std::size_t entries_ = 0;
  std::string buffer_;
  std::unique_ptr<struct archive, Releaser<archive_read_free>> reader_;
};

}  // namespace

std::string FileContent::read(std::size_t limit) {
  std::string content;
  while (content.size() < limit) {
    const auto piece = next();
    if (piece.empty()) break;
    content += piece.substr(0, limit - content.size());
  }
  return content;
}

void read_layer(BlobReader layer, std::string_view media_type,
                const std::function<void(const LayerFile&, FileContent&)>& visit) {
  TarReader reader(std::move(layer), media_type);
  while (const auto file = reader.next_file()) visit(*file, reader);
  reader.drain();
}

}  // namespace airlock::bundle
