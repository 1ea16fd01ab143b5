// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/image_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "airlock/base/error.hpp"
#include "airlock/oci/image_config.hpp"
#include "airlock/records/own_content.hpp"

namespace airlock::review {

namespace {

/// How many images have each blob.
std::map<const oci::Node*, std::size_t> uses_of(const bundle::BundleContent& bundle) {
  std::map<const oci::Node*, std::size_t> uses;
  for (const records::Image& image : bundle.metadata().images)
    for (const oci::Node* node : bundle.closure_of(image)) ++uses[node];
  return uses;
}

const char* kind_of(const records::Image& image, bool runs) {
  if (records::is_file(image)) return "file";
  if (records::is_chart(image)) return "chart";
  return runs ? "image" : "artifact";
}

void add_platform(const bundle::BundleContent& bundle, const PlatformImage& image, ImageSummary& into) {
  const oci::Node& config = *image.manifest->content->config->to;
  into.layers = std::max(into.layers, image.manifest->content->layers.size());
  PlatformDetails platform{image, {}, !bundle.is_in_base(config.digest)};
  if (platform.known) platform.details = ImageDetails::parse(read_blob(bundle, config.digest, oci::max_config_size));
  const ImageDetails& details = platform.details;
  if (parse_instant(details.created) >= parse_instant(into.created) && !details.created.empty())
    into.created = details.created;
  into.root = into.root || (platform.known && details.runs_as_root());
  const auto first = [&](std::string& field, const char* label) {
    if (field.empty()) field = details.label(label);
  };
  first(into.source, "source");
  first(into.revision, "revision");
  first(into.version, "version");
  first(into.licenses, "licenses");
  into.platforms.push_back(std::move(platform));
}

}  // namespace

std::string PlatformDetails::platform_name() const {
  if (image.platform) return image.platform->str();
  return known ? fmt::format("{}/{}", details.os, details.architecture) : "not in this delta";
}

std::string read_blob(const bundle::BundleContent& bundle, const oci::Digest& digest, std::size_t limit) {
  bundle::BlobReader reader = bundle.open_blob(digest);
  if (reader.size() > limit)
    throw Error(ErrorCode::format, Side::bundle,
                fmt::format("blob {} has {} bytes, more than the {} that are read", digest.str(), reader.size(), limit))
        .hint("do not use this bundle; ask how it came about");
  std::string text;
  text.reserve(reader.size());
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) text += piece;
  return text;
}

std::vector<ImageSummary> summarize(const bundle::BundleContent& bundle) {
  const auto uses = uses_of(bundle);
  std::vector<ImageSummary> summaries;
  for (const records::Image& image : bundle.metadata().images) {
    ImageSummary summary;
    summary.image = &image;
    for (const oci::Node* node : bundle.closure_of(image)) {
      summary.bytes += node->size;
      if (uses.at(node) == 1) summary.own_bytes += node->size;
    }
    for (const PlatformImage& platform :
         platform_images(bundle, [&](const records::Image& one) { return &one == &image; }))
      add_platform(bundle, platform, summary);
    summary.kind = kind_of(image, !summary.platforms.empty());
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

}  // namespace airlock::review
