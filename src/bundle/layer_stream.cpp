// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/layer_stream.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include "airlock/base/handle.hpp"
#include "airlock/base/text.hpp"
#include "bundle/refuse_layer.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t unpack_step = 128U << 10;
constexpr int max_zstd_window_log = 27;  // 128 MiB, as much as containerd allows (klauspost/compress, MaxWindowSize)

/// Ends what would not end: a few KB can unpack to petabytes.
class UnpackLimit {
 public:
  explicit UnpackLimit(std::uint64_t packed) : limit_(std::min(most, std::max(always, packed * most_times))) {}

  void take(std::size_t bytes) {
    size_ += bytes;
    if (size_ > limit_)
      refuse_layer(fmt::format("it unpacks to more than {}, which no layer of an image does", human_size(limit_)));
  }

 private:
  // Text and binaries shrink to a tenth, zeros to a thousandth: an image that is larger than this would not fit a node.
  static constexpr std::uint64_t always = std::uint64_t{4} << 30;
  static constexpr std::uint64_t most_times = 100;
  static constexpr std::uint64_t most = std::uint64_t{64} << 30;

  std::uint64_t limit_;
  std::uint64_t size_ = 0;
};

/// gzip and plain: libarchive undoes the filter and hands on what is inside as one raw entry.
class ArchiveStream final : public LayerStream {
 public:
  ArchiveStream(BlobReader layer, bool gzip)
      : layer_(std::move(layer)), gzip_(gzip), limit_(layer_.size()), reader_(archive_read_new()) {
    buffer_.resize(unpack_step);
  }

  std::string_view next() override {
    if (!opened_) open();
    if (ended_) return {};
    const la_ssize_t size = archive_read_data(reader_.get(), buffer_.data(), buffer_.size());
    check(size);
    if (size == 0) return end();
    limit_.take(static_cast<std::size_t>(size));
    return {buffer_.data(), static_cast<std::size_t>(size)};
  }

 private:
  void open() {
    opened_ = true;
    if (gzip_) check(archive_read_support_filter_gzip(reader_.get()));
    check(archive_read_support_format_raw(reader_.get()));
    check(archive_read_support_format_empty(reader_.get()));
    check(archive_read_open(reader_.get(), this, nullptr, read_piece, nullptr));
    struct archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader_.get(), &entry);
    if (status == ARCHIVE_EOF) {
      ended_ = true;
      return;
    }
    check(status);
    if (gzip_ && archive_filter_code(reader_.get(), 0) != ARCHIVE_FILTER_GZIP)
      refuse_layer("it is not compressed with gzip");
  }

  /// libarchive stops at what is no further gzip member; Go's reader, and so containerd, takes it for damage.
  std::string_view end() {
    ended_ = true;
    const auto used = static_cast<std::uint64_t>(archive_filter_bytes(reader_.get(), -1));
    if (gzip_ && used < layer_.size())
      refuse_layer(human_size(layer_.size() - used) + " follow behind the end of its compressed data");
    return {};
  }

  void check(la_ssize_t status) const {
    if (thrown_) std::rethrow_exception(thrown_);
    const char* reason = archive_error_string(reader_.get());
    if (status < 0) refuse_layer(std::string("it does not unpack: ") + (reason == nullptr ? "unknown reason" : reason));
  }

  /// Exceptions must not pass through libarchive: they wait.
  static la_ssize_t read_piece(struct archive* archive, void* context, const void** buffer) {
    auto& self = *static_cast<ArchiveStream*>(context);
    try {
      const auto piece = self.layer_.next();
      *buffer = piece.data();
      return static_cast<la_ssize_t>(piece.size());
    } catch (...) {
      self.thrown_ = std::current_exception();
      archive_set_error(archive, EIO, "reading failed");
      return -1;
    }
  }

  BlobReader layer_;
  bool gzip_;
  bool opened_ = false;
  bool ended_ = false;
  UnpackLimit limit_;
  std::exception_ptr thrown_;
  std::string buffer_;
  std::unique_ptr<struct archive, Releaser<archive_read_free>> reader_;
};

/// zstd: libzstd itself, because layers in the zstd:chunked form are many frames, some of them to be skipped.
class ZstdStream final : public LayerStream {
 public:
  explicit ZstdStream(BlobReader layer) : layer_(std::move(layer)), limit_(layer_.size()), context_(ZSTD_createDCtx()) {
    if (!context_ ||
        ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_zstd_window_log)) != 0)
      throw Error(ErrorCode::internal, "libzstd does not start");
    buffer_.resize(ZSTD_DStreamOutSize());
  }

  std::string_view next() override {
    for (;;) {
      if (in_.pos == in_.size && !full_) {
        const auto piece = layer_.next();
        if (piece.empty()) {
          if (pending_ != 0) refuse_layer("it does not unpack: its last zstd frame is not whole");
          return {};
        }
        in_ = {piece.data(), piece.size(), 0};
      }
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      pending_ = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(pending_) != 0) refuse_layer(std::string("it does not unpack: ") + ZSTD_getErrorName(pending_));
      limit_.take(out.pos);
      full_ = out.pos == out.size && pending_ != 0;
      if (out.pos > 0) return {buffer_.data(), out.pos};
    }
  }

 private:
  BlobReader layer_;
  UnpackLimit limit_;
  std::unique_ptr<ZSTD_DCtx, Releaser<ZSTD_freeDCtx>> context_;
  std::string buffer_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::size_t pending_ = 0;  // what libzstd still expects of the current frame
  bool full_ = false;        // it has more for us than the buffer took
};

}  // namespace

std::unique_ptr<LayerStream> open_layer(BlobReader layer, std::string_view media_type) {
  const auto compression = oci::media_type::layer_compression(media_type);
  if (!compression) refuse_layer("a layer of the unknown type " + std::string(media_type));
  if (*compression == oci::media_type::Compression::zstd) return std::make_unique<ZstdStream>(std::move(layer));
  return std::make_unique<ArchiveStream>(std::move(layer), *compression == oci::media_type::Compression::gzip);
}

}  // namespace airlock::bundle
