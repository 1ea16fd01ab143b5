// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/layers.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/handle.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t unpack_step = 128U << 10;
constexpr int max_zstd_window_log = 27;  // 128 MiB, as much as containerd allows (klauspost/compress, MaxWindowSize)

[[noreturn]] void refuse_layer(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, why)
      .hint("the image was published so: tell its publisher, or leave it out with --exclude at export");
}

/// Counts what comes out, hashes it, and ends what would not end: a few KB can unpack to petabytes.
class Unpacked {
 public:
  explicit Unpacked(std::uint64_t packed) : limit_(std::min(most, std::max(always, packed * most_times))) {}

  void take(std::string_view bytes) {
    size_ += bytes.size();
    if (size_ > limit_)
      refuse_layer(fmt::format("it unpacks to more than {}, which no layer of an image does", human_size(limit_)));
    hash_.update(bytes);
  }
  oci::Digest finish() { return hash_.finish(); }

 private:
  // Text and binaries shrink to a tenth, zeros to a thousandth: an image that is larger than this would not fit a node.
  static constexpr std::uint64_t always = std::uint64_t{4} << 30;
  static constexpr std::uint64_t most_times = 100;
  static constexpr std::uint64_t most = std::uint64_t{64} << 30;

  std::uint64_t limit_;
  std::uint64_t size_ = 0;
  oci::Sha256 hash_;
};

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
oci::Digest diff_id_by_libarchive(BlobReader& layer, oci::media_type::Compression compression) {
  const bool gzip = compression == oci::media_type::Compression::gzip;
  const std::unique_ptr<struct archive, Releaser<archive_read_free>> reader(archive_read_new());
  Feed feed{&layer, nullptr};
  Unpacked unpacked(layer.size());
  std::string buffer(unpack_step, '\0');
  const auto check = [&](la_ssize_t status) {
    if (feed.thrown) std::rethrow_exception(feed.thrown);
    const char* reason = archive_error_string(reader.get());
    if (status < 0) refuse_layer(std::string("it does not unpack: ") + (reason == nullptr ? "unknown reason" : reason));
  };
  if (gzip) check(archive_read_support_filter_gzip(reader.get()));
  check(archive_read_support_format_raw(reader.get()));
  check(archive_read_support_format_empty(reader.get()));
  check(archive_read_open(reader.get(), &feed, nullptr, read_piece, nullptr));
  struct archive_entry* entry = nullptr;
  const int opened = archive_read_next_header(reader.get(), &entry);
  if (opened == ARCHIVE_EOF) return unpacked.finish();
  check(opened);
  if (gzip && archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_GZIP)
    refuse_layer("it is not compressed with gzip");
  for (;;) {
    const la_ssize_t size = archive_read_data(reader.get(), buffer.data(), buffer.size());
    check(size);
    if (size == 0) break;
    unpacked.take({buffer.data(), static_cast<std::size_t>(size)});
  }
  // libarchive stops at what is no further gzip member; Go's reader, and so containerd, takes it for damage.
  const auto used = static_cast<std::uint64_t>(archive_filter_bytes(reader.get(), -1));
  if (gzip && used < layer.size())
    refuse_layer(human_size(layer.size() - used) + " follow behind the end of its compressed data");
  return unpacked.finish();
}

/// zstd: libzstd itself, because layers in the zstd:chunked form are many frames, some of them to be skipped.
oci::Digest diff_id_by_zstd(BlobReader& layer) {
  const std::unique_ptr<ZSTD_DCtx, Releaser<ZSTD_freeDCtx>> context(ZSTD_createDCtx());
  if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, max_zstd_window_log)) != 0)
    throw Error(ErrorCode::internal, "libzstd does not start");
  Unpacked unpacked(layer.size());
  std::string buffer(ZSTD_DStreamOutSize(), '\0');
  std::size_t pending = 0;  // what libzstd still expects of the current frame
  for (auto piece = layer.next(); !piece.empty(); piece = layer.next()) {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    bool full = false;
    while (in.pos < in.size || full) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      pending = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(pending) != 0) refuse_layer(std::string("it does not unpack: ") + ZSTD_getErrorName(pending));
      unpacked.take({buffer.data(), out.pos});
      full = out.pos == out.size && pending != 0;
    }
  }
  if (pending != 0) refuse_layer("it does not unpack: its last zstd frame is not whole");
  return unpacked.finish();
}

struct LayerTask {
  std::string image;
  oci::Digest layer;
  std::string media_type;
  oci::Digest expected;
};

/// What has to be unpacked, each layer once, and what not.
struct Plan {
  std::map<std::string, LayerTask> tasks;
  std::set<oci::Digest> artifacts;  // manifests of signatures, attestations, charts
  std::set<oci::Digest> elsewhere;  // layers that a delta's base has, or whose config it has
};

/// A node takes a manifest for an image by what its layers are: signatures and charts may have an image's config.
bool is_image(const oci::Content& manifest) {
  const auto unpacks = [](const oci::Edge& layer) { return oci::media_type::is_layer(layer.media_type); };
  return oci::media_type::is_image_config(manifest.config->media_type) &&
         (manifest.layers.empty() || std::any_of(manifest.layers.begin(), manifest.layers.end(), unpacks));
}

void check_platform(const oci::ImageConfig& config, const oci::Platform& stated) {
  if (config.platform && config.platform->os() == stated.os() &&
      config.platform->architecture() == stated.architecture())
    return;
  refuse_layer(fmt::format("its index says that it is for {}, its config {}", stated.str(),
                           config.platform ? "for " + config.platform->str() : "does not say for what"));
}

/// What indexes say of each manifest.
using StatedPlatforms = std::map<const oci::Node*, std::set<oci::Platform>>;

void add_image(const VerifiedBundle& bundle, const std::string& image, const oci::Content& manifest,
               const std::set<oci::Platform>& stated, Plan& plan) {
  if (bundle.is_in_base(manifest.config->to->digest)) {
    for (const auto& layer : manifest.layers) plan.elsewhere.insert(layer.to->digest);
    return;
  }
  const auto config = bundle.config(manifest.config->to->digest);
  for (const oci::Platform& platform : stated) check_platform(config, platform);
  if (config.diff_ids.size() != manifest.layers.size())
    refuse_layer(fmt::format("it has {}, its config {}: they cannot be compared, and containerd refuses it",
                             count_of(manifest.layers.size(), "layer"), count_of(config.diff_ids.size(), "diff ID")));
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    const oci::Digest& layer = manifest.layers[i].to->digest;
    if (bundle.is_in_base(layer)) {
      plan.elsewhere.insert(layer);
      continue;
    }
    const std::string type(manifest.layers[i].media_type);
    plan.tasks.try_emplace(layer.str() + type + config.diff_ids[i],
                           LayerTask{image, layer, type, oci::Digest::parse(config.diff_ids[i])});
  }
}

void add_tasks(const VerifiedBundle& bundle, const records::Image& image, Plan& plan) {
  const oci::Nodes closure = bundle.closure_of(image);
  StatedPlatforms stated;
  for (const oci::Node* node : closure)
    if (node->content)
      for (const oci::MemberEdge& member : node->content->members)
        if (member.platform) stated[member.to].insert(*member.platform);
  for (const oci::Node* node : closure) {
    if (!node->is_document() || node->content->index) continue;
    if (node->artifact || !is_image(*node->content)) {
      plan.artifacts.insert(node->digest);
      continue;
    }
    within([&] { return "manifest " + node->digest.str(); },
           [&] { add_image(bundle, image.source.str(), *node->content, stated[node], plan); });
  }
}

}  // namespace

oci::Digest diff_id(BlobReader layer, std::string_view media_type) {
  const auto compression = oci::media_type::layer_compression(media_type);
  if (!compression) refuse_layer("a layer of the unknown type " + std::string(media_type));
  if (*compression == oci::media_type::Compression::zstd) return diff_id_by_zstd(layer);
  return diff_id_by_libarchive(layer, *compression);
}

LayerCheck check_layers(const VerifiedBundle& bundle, unsigned jobs, Reporter& reporter) {
  Plan plan;
  for (const records::Image& image : bundle.metadata().images)
    within([&] { return "image " + image.source.str(); }, [&] { add_tasks(bundle, image, plan); });
  std::vector<LayerTask> tasks;
  for (auto& [key, task] : plan.tasks) tasks.push_back(std::move(task));
  reporter.begin("unpacking", 0, tasks.size());
  run_parallel(tasks.size(), jobs, [&](std::size_t i) {
    const LayerTask& task = tasks[i];
    within([&] { return fmt::format("image {}: layer {}", task.image, task.layer.str()); },
           [&] {
             const auto actual = diff_id(bundle.open_blob(task.layer), task.media_type);
             if (actual != task.expected)
               refuse_layer(
                   fmt::format("it unpacks to {}, but the image's config says {}", actual.str(), task.expected.str()));
           });
    reporter.item_done();
  });
  reporter.end();
  return {tasks.size(), plan.artifacts.size(), plan.elsewhere.size()};
}

}  // namespace airlock::bundle
