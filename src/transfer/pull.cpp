// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/pull.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/parted_blob.hpp"
#include "airlock/oci/image_config.hpp"

namespace airlock::transfer {

namespace {

// Where a connection's speed is limited by the distance, one large blob would set the floor for the whole export.
constexpr std::uint64_t part_size = 32U << 20;
constexpr std::uint64_t parted_from = 64U << 20;

/// Lets a registry client fill a blob's place in the bundle, or a part of it.
template <typename Writer>
class PlaceSink final : public registry::BlobSink {
 public:
  PlaceSink(Writer writer, Reporter::Moving& moving) : writer_(std::move(writer)), moving_(moving) {}

  void write(std::string_view bytes) override {
    writer_.write(bytes);
    moving_.advance(bytes.size());
  }
  std::uint64_t received() const override { return writer_.received(); }
  auto finish() { return writer_.finish(); }

 private:
  Writer writer_;
  Reporter::Moving& moving_;
};

/// Keeps what it gets, on its way to another one.
class CopyingSink final : public registry::BlobSink {
 public:
  explicit CopyingSink(registry::BlobSink& to) : to_(to) {}
  void write(std::string_view bytes) override {
    text_ += bytes;
    to_.write(bytes);
  }
  std::uint64_t received() const override { return to_.received(); }
  const std::string& text() const { return text_; }

 private:
  registry::BlobSink& to_;
  std::string text_;
};

bool is_config(const bundle::Blob& blob) { return oci::media_type::is_image_config(blob.media_type); }

/// What one connection fetches in one go.
struct Task {
  bundle::Blob blob;
  std::shared_ptr<bundle::PartedBlob> parted;  // null: the whole blob
  std::size_t part = 0;
};

class Puller {
 public:
  Puller(registry::Client& client, const Resolution& resolution, bundle::Writer& writer, Reporter& reporter)
      : client_(client), resolution_(resolution), writer_(writer), reporter_(reporter) {}

  void run(unsigned jobs, PullMode mode) {
    const auto tasks = plan(mode);
    reporter_.begin("pulling", bytes_, blobs_);
    run_parallel(tasks.size(), jobs, [&](std::size_t i) { fetch(tasks[i]); });
    run_parallel(again_.size(), jobs, [&](std::size_t i) {
      if (fetch_whole(resolution_.origins.at(again_[i].digest), again_[i], bundle::Writer::Start::afresh))
        reporter_.item_done();
    });
    reporter_.end();
  }

 private:
  std::vector<Task> plan(PullMode mode) {
    std::vector<bundle::Blob> blobs;
    for (const bundle::Blob& blob : resolution_.blobs) {
      if (writer_.has(blob.digest)) continue;  // a manifest, left by an earlier run, or not in a delta at all
      blobs.push_back(blob);
      bytes_ += blob.size;
    }
    blobs_ = blobs.size();
    // Configs first: what verification would refuse should be known before gigabytes move. Then the largest: the last
    // thing running should be a short one.
    std::stable_sort(blobs.begin(), blobs.end(), [](const auto& a, const auto& b) {
      return std::pair(is_config(a), a.size) > std::pair(is_config(b), b.size);
    });
    std::vector<Task> tasks;
    for (const bundle::Blob& blob : blobs) {
      if (mode == PullMode::whole_blobs || blob.size <= parted_from) {
        tasks.push_back({blob, nullptr});
        continue;
      }
      const auto parted = std::make_shared<bundle::PartedBlob>(writer_, blob.digest, part_size);
      for (std::size_t part = 0; part < parted->parts(); ++part) tasks.push_back({blob, parted, part});
    }
    return tasks;
  }

  void fetch(const Task& task) {
    const registry::Repository& origin = resolution_.origins.at(task.blob.digest);
    const bool complete = within([&] { return origin.str(); },
                                 [&] {
                                   return task.parted ? fetch_part(origin, task)
                                                      : fetch_whole(origin, task.blob, bundle::Writer::Start::go_on);
                                 });
    if (complete) reporter_.item_done();
  }

  /// What an earlier run left of it was wrong: once more, from the first byte.
  bool put_off(const bundle::Blob& blob) {
    reporter_.detail("what an earlier run left of blob " + blob.digest.str() + " is damaged: it is fetched afresh");
    const std::lock_guard lock(mutex_);
    again_.push_back(blob);
    return false;
  }

  bool fetch_whole(const registry::Repository& origin, const bundle::Blob& blob, bundle::Writer::Start start) {
    if (is_config(blob)) return fetch_config(origin, blob);
    auto moving = reporter_.start_moving(origin.name + " " + blob.digest.short_hex(), blob.size);
    PlaceSink sink(writer_.open_blob(blob.digest, start), moving);
    moving.advance(sink.received());
    client_.fetch_blob(origin, blob.digest, registry::BlobPart::whole(blob.size), sink);
    return sink.finish() || put_off(blob);
  }

  /// A bundle that verification would refuse must not be made: it is parsed before it counts as written.
  bool fetch_config(const registry::Repository& origin, const bundle::Blob& blob) {
    if (blob.size > oci::max_config_size)
      throw Error(ErrorCode::format, Side::source,
                  "config " + blob.digest.str() + " has " + human_size(blob.size) + ", more than any image's config")
          .hint("leave the image out with --exclude, and tell its publisher");
    auto moving = reporter_.start_moving(origin.name + " " + blob.digest.short_hex(), blob.size);
    PlaceSink sink(writer_.open_blob(blob.digest, bundle::Writer::Start::afresh), moving);
    CopyingSink copy(sink);
    client_.fetch_blob(origin, blob.digest, registry::BlobPart::whole(blob.size), copy);
    oci::ImageConfig::parse(copy.text(), "config " + blob.digest.str());
    return sink.finish() || put_off(blob);
  }

  bool fetch_part(const registry::Repository& origin, const Task& task) {
    const registry::BlobPart part{task.parted->part_offset(task.part), task.parted->part_size(task.part),
                                  task.blob.size};
    auto moving =
        reporter_.start_moving(origin.name + " " + task.blob.digest.short_hex() + ", part " +
                                   std::to_string(task.part + 1) + " of " + std::to_string(task.parted->parts()),
                               part.size);
    PlaceSink sink(task.parted->open_part(task.part), moving);
    moving.advance(sink.received());
    client_.fetch_blob(origin, task.blob.digest, part, sink);
    const auto end = sink.finish();
    return end == bundle::PartedBlob::End::complete ||
           (end == bundle::PartedBlob::End::wrong_leftovers && put_off(task.blob));
  }

  registry::Client& client_;
  const Resolution& resolution_;
  bundle::Writer& writer_;
  Reporter& reporter_;
  std::mutex mutex_;
  std::vector<bundle::Blob> again_;
  std::uint64_t bytes_ = 0;
  std::uint64_t blobs_ = 0;
};

}  // namespace

void pull(registry::Client& client, const Resolution& resolution, bundle::Writer& writer, unsigned jobs, PullMode mode,
          Reporter& reporter) {
  Puller(client, resolution, writer, reporter).run(jobs, mode);
}

}  // namespace airlock::transfer
