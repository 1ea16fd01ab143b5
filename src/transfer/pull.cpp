// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/pull.hpp"

#include <algorithm>

#include "airlock/base/parallel.hpp"

namespace airlock::transfer {

namespace {

/// Lets a registry client fill a blob's place in the bundle.
class PlaceSink final : public registry::BlobSink {
 public:
  PlaceSink(bundle::BlobWriter writer, Reporter& reporter) : writer_(std::move(writer)), reporter_(reporter) {}

  void write(std::string_view bytes) override {
    writer_.write(bytes);
    reporter_.advance(bytes.size());
  }
  std::uint64_t received() const override { return writer_.received(); }
  void restart() override {
    reporter_.retreat(writer_.received());
    writer_.restart();
  }
  void finish() { writer_.finish(); }

 private:
  bundle::BlobWriter writer_;
  Reporter& reporter_;
};

}  // namespace

void pull(registry::Client& client, const Resolution& resolution, bundle::Writer& writer, unsigned jobs,
          Reporter& reporter) {
  std::vector<bundle::Blob> blobs;
  std::uint64_t bytes = 0;
  for (const bundle::Blob& blob : resolution.blobs) {
    if (resolution.documents.contains(blob.digest)) continue;
    blobs.push_back(blob);
    bytes += blob.size;
  }
  // Largest first: the last thing running should be a short one.
  std::stable_sort(blobs.begin(), blobs.end(), [](const auto& a, const auto& b) { return a.size > b.size; });
  reporter.begin("pulling", bytes, blobs.size());
  run_parallel(blobs.size(), jobs, [&](std::size_t i) {
    const bundle::Blob& blob = blobs[i];
    const registry::Repository& origin = resolution.origins.at(blob.digest);
    within([&] { return origin.str(); },
           [&] {
             PlaceSink sink(writer.open_blob(blob.digest), reporter);
             client.fetch_blob(origin, blob.digest, blob.size, sink);
             sink.finish();
           });
    reporter.item_done(origin.str());
  });
  reporter.end();
}

}  // namespace airlock::transfer
