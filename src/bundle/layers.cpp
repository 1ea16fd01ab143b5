// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/layers.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/handle.hpp"
#include "airlock/base/parallel.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t max_config_size = 16U << 20;
constexpr std::size_t piece_size = 128U << 10;
constexpr int max_zstd_window_log = 27;  // 128 MiB, as much as containerd allows (klauspost/compress, MaxWindowSize)

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, why)
      .hint("the image was published so: tell its publisher, or leave it out with --exclude at export");
}

/// What libarchive's read callback needs. Exceptions must not pass through libarchive: they wait here.
struct Feed {
  BlobReader* layer;
  std::exception_ptr thrown;
};

la_ssize_t read_piece(struct archive* archive, void* context, const void** buffer) {
  auto& feed = *static_cast<Feed*>(context);
  try {
    const auto piece = feed.layer->next();
    *buffer = piece.data();
    return static_cast<la_ssize_t>(piece.size());
  } catch (...) {
    feed.thrown = std::current_exception();
    archive_set_error(archive, EIO, "reading failed");
    return -1;
  }
}

/// gzip and plain: libarchive undoes the filter and hands on what is inside as one raw entry.
oci::Digest diff_id_by_libarchive(BlobReader& layer, bool gzip) {
  const std::unique_ptr<struct archive, Releaser<archive_read_free>> reader(archive_read_new());
  Feed feed{&layer, nullptr};
  oci::Sha256 hash;
  std::string buffer(piece_size, '\0');
  const auto check = [&](la_ssize_t status) {
    if (feed.thrown) std::rethrow_exception(feed.thrown);
    const char* reason = archive_error_string(reader.get());
    if (status < 0) refuse(std::string("it does not unpack: ") + (reason == nullptr ? "unknown reason" : reason));
  };
  if (gzip) check(archive_read_support_filter_gzip(reader.get()));
  check(archive_read_support_format_raw(reader.get()));
  check(archive_read_support_format_empty(reader.get()));
  check(archive_read_open(reader.get(), &feed, nullptr, read_piece, nullptr));
  struct archive_entry* entry = nullptr;
  const int opened = archive_read_next_header(reader.get(), &entry);
  if (opened == ARCHIVE_EOF) return hash.finish();
  check(opened);
  if (gzip && archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_GZIP) refuse("it is not compressed with gzip");
  for (;;) {
    const la_ssize_t size = archive_read_data(reader.get(), buffer.data(), buffer.size());
    check(size);
    if (size == 0) return hash.finish();
    hash.update({buffer.data(), static_cast<std::size_t>(size)});
  }
}

/// zstd: libzstd itself, because layers in the zstd:chunked form are many frames, some of them to be skipped.
oci::Digest diff_id_by_zstd(BlobReader& layer) {
  const std::unique_ptr<ZSTD_DCtx, Releaser<ZSTD_freeDCtx>> context(ZSTD_createDCtx());
  if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, max_zstd_window_log)) != 0)
    throw Error(ErrorCode::internal, "libzstd does not start");
  oci::Sha256 hash;
  std::string buffer(ZSTD_DStreamOutSize(), '\0');
  std::size_t pending = 0;  // what libzstd still expects of the current frame
  for (auto piece = layer.next(); !piece.empty(); piece = layer.next()) {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    bool full = false;
    while (in.pos < in.size || full) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      pending = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(pending) != 0) refuse(std::string("it does not unpack: ") + ZSTD_getErrorName(pending));
      hash.update({buffer.data(), out.pos});
      full = out.pos == out.size && pending != 0;
    }
  }
  if (pending != 0) refuse("it does not unpack: its last zstd frame is not whole");
  return hash.finish();
}

struct LayerTask {
  std::string image;
  oci::Descriptor layer;
  oci::Digest expected;
};

/// The diff IDs that an image's config states; empty for what is no image config.
std::vector<std::string> diff_ids(const VerifiedBundle& bundle, const oci::Descriptor& config) {
  constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
  constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
  if (config.media_type != oci_config && config.media_type != docker_config) return {};
  if (bundle.relies_on(config.digest)) return {};  // a delta's: there is nothing to compare with
  if (config.size > max_config_size) refuse("config " + config.digest.str() + " is absurdly large");
  std::string text;
  BlobReader reader = bundle.open_blob(config.digest);
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) text += piece;
  const Json json = parse_json(text, "config " + config.digest.str(), {max_config_size, 64});
  const auto rootfs = JsonObject(json, "config " + config.digest.str()).optional_object("rootfs");
  return rootfs ? rootfs->strings("diff_ids") : std::vector<std::string>{};
}

void add_tasks(const VerifiedBundle& bundle, const Image& image, std::map<std::string, LayerTask>& tasks) {
  const Closure closure = bundle.closure_of(image);
  for (const auto& [digest, member] : closure.members()) {
    if (!oci::media_type::is_manifest(member.media_type)) continue;
    const auto document = oci::parse_document(bundle.document(digest), member.media_type);
    const auto& manifest = *document.manifest();
    const auto stated = diff_ids(bundle, manifest.config);
    if (stated.empty()) continue;
    if (stated.size() != manifest.layers.size())
      refuse("manifest " + digest.str() + " has " + std::to_string(manifest.layers.size()) +
             " layers, its config has " + std::to_string(stated.size()) + " diff IDs");
    for (std::size_t i = 0; i < stated.size(); ++i) {
      const auto& layer = manifest.layers[i];
      if (bundle.relies_on(layer.digest)) continue;
      const LayerTask task{image.source.str(), layer, oci::Digest::parse(stated[i])};
      tasks.try_emplace(layer.digest.str() + layer.media_type + stated[i], task);
    }
  }
}

}  // namespace

oci::Digest diff_id(BlobReader layer, std::string_view media_type) {
  if (media_type.ends_with("+zstd")) return diff_id_by_zstd(layer);
  const bool gzip = media_type.ends_with("+gzip") || media_type.ends_with(".tar.gzip");
  if (!gzip && !media_type.ends_with(".tar")) refuse("a layer of the unknown type " + std::string(media_type));
  return diff_id_by_libarchive(layer, gzip);
}

std::uint64_t check_layers(const VerifiedBundle& bundle, unsigned jobs, Reporter& reporter) {
  std::map<std::string, LayerTask> unique;
  for (const Image& image : bundle.metadata().images)
    within([&] { return "image " + image.source.str(); }, [&] { add_tasks(bundle, image, unique); });
  std::vector<LayerTask> tasks;
  for (auto& [key, task] : unique) tasks.push_back(std::move(task));
  reporter.begin("unpacking", 0, tasks.size());
  run_parallel(tasks.size(), jobs, [&](std::size_t i) {
    const LayerTask& task = tasks[i];
    within([&] { return "image " + task.image + ": layer " + task.layer.digest.str(); },
           [&] {
             const auto actual = diff_id(bundle.open_blob(task.layer.digest), task.layer.media_type);
             if (actual != task.expected)
               refuse("it unpacks to " + actual.str() + ", but the image's config says " + task.expected.str());
           });
    reporter.item_done();
  });
  reporter.end();
  return tasks.size();
}

}  // namespace airlock::bundle
