// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/image_config.hpp"
#include "airlock/transfer/bundle_ports.hpp"

namespace airlock::transfer {

namespace {

// Where a connection's speed is limited by the distance, one large blob would set the floor for the whole export.
constexpr std::uint64_t part_size = 32U << 20;
constexpr std::uint64_t parted_from = 64U << 20;

/// A blob's place in the bundle, or a part of it.
template <typename Writer>
class PlaceSink final : public oci::BlobSink {
 public:
  PlaceSink(Writer writer, Reporter::Moving& moving) : writer_(std::move(writer)), moving_(moving) {
    moving_.advance(writer_.received());  // what an earlier run left
  }

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
class CopyingSink final : public oci::BlobSink {
 public:
  explicit CopyingSink(oci::BlobSink& to) : to_(to) {}
  void write(std::string_view bytes) override {
    text_ += bytes;
    to_.write(bytes);
  }
  std::uint64_t received() const override { return to_.received(); }
  const std::string& text() const { return text_; }

 private:
  oci::BlobSink& to_;
  std::string text_;
};

std::string described(const Source& source, const oci::Node& blob) {
  return fmt::format("{} {}", source.name_of(blob), blob.digest.short_hex());
}

}  // namespace

Phases BundleTarget::phases() const {
  Phases phases;
  phases.blobs = label_;
  phases.configs_first = true;
  return phases;
}

std::size_t BundleTarget::parts(const oci::Node& blob) {
  if (mode_ == PullMode::whole_blobs || blob.size <= parted_from) return 1;
  auto parted = std::make_unique<bundle::PartedBlob>(writer_, blob.digest, part_size);
  const std::size_t count = parted->parts();
  parted_.insert_or_assign(blob.digest, std::move(parted));
  return count;
}

Stored BundleTarget::put_blob(const BlobTask& task, std::size_t part, Attempt attempt, Source& source) {
  const oci::Node& blob = *task.blob;
  return within([&] { return source.name_of(blob); },
                [&] {
                  if (oci::media_type::is_image_config(blob.media_type)) return put_config(blob, source);
                  const auto parted = parted_.find(blob.digest);
                  if (parted != parted_.end() && attempt == Attempt::resume)
                    return put_part(blob, *parted->second, part, source);
                  return put_whole(blob, attempt, source);
                });
}

/// What an earlier run left of it may have been wrong: then once more, from the first byte.
Stored BundleTarget::finished(const oci::Node& blob, bool right) {
  if (right) return {true, false, 1, 0, 0};
  reporter_.detail(
      fmt::format("what an earlier run left of blob {} is damaged: it is fetched afresh", blob.digest.str()));
  return {false, true, 0, 0, 0};
}

Stored BundleTarget::put_whole(const oci::Node& blob, Attempt attempt, Source& source) {
  const auto start = attempt == Attempt::afresh ? bundle::Writer::Start::afresh : bundle::Writer::Start::resume;
  auto moving = reporter_.start_moving(described(source, blob), blob.size);
  PlaceSink sink(writer_.open_blob(blob.digest, start), moving);
  source.send(blob, oci::BlobPart::whole(blob.size), sink);
  return finished(blob, sink.finish());
}

Stored BundleTarget::put_config(const oci::Node& blob, Source& source) {
  if (blob.size > oci::max_config_size)
    throw Error(ErrorCode::format, Side::source,
                fmt::format("config {} has {}, more than any image's config", blob.digest.str(), human_size(blob.size)))
        .hint("leave the image out with --exclude, and tell its publisher");
  auto moving = reporter_.start_moving(described(source, blob), blob.size);
  PlaceSink sink(writer_.open_blob(blob.digest, bundle::Writer::Start::afresh), moving);
  CopyingSink copy(sink);
  source.send(blob, oci::BlobPart::whole(blob.size), copy);
  const auto config = oci::ImageConfig::parse(copy.text(), "config " + blob.digest.str());
  if (see_config_) see_config_(blob, config);
  return finished(blob, sink.finish());
}

Stored BundleTarget::put_part(const oci::Node& blob, bundle::PartedBlob& parted, std::size_t part, Source& source) {
  const oci::BlobPart range{parted.part_offset(part), parted.part_size(part), blob.size};
  auto moving = reporter_.start_moving(
      fmt::format("{}, part {} of {}", described(source, blob), part + 1, parted.parts()), range.size);
  PlaceSink sink(parted.open_part(part), moving);
  source.send(blob, range, sink);
  switch (sink.finish()) {
    case bundle::PartedBlob::End::complete: return finished(blob, true);
    case bundle::PartedBlob::End::wrong_leftovers: return finished(blob, false);
    case bundle::PartedBlob::End::more_to_come: break;
  }
  return {false, false, 0, 0, 0};
}

}  // namespace airlock::transfer
