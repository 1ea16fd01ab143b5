// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"

namespace airlock::review {

namespace {

using LayerKey = std::pair<oci::Digest, std::string>;  // and its media type

bool is_run(const oci::Node& node) {
  return !node.artifact && !node.content->index && node.content->config &&
         oci::media_type::is_image_config(node.content->config->media_type);
}

}  // namespace

std::string PlatformImage::str() const {
  return platform ? fmt::format("{} ({})", image->source.str(), platform->str()) : image->source.str();
}

std::vector<DeclaredPackage> InventoriedImage::declared() const {
  std::map<std::string, const DeclaredPackage*> once;
  for (const AttachedSbom& sbom : attached)
    for (const DeclaredPackage& package : sbom.only_there) once.emplace(package.text, &package);
  std::vector<DeclaredPackage> packages;
  for (const auto& [text, package] : once) packages.push_back(*package);
  return packages;
}

std::vector<PlatformImage> platform_images(const bundle::BundleContent& bundle,
                                           const std::function<bool(const records::Image&)>& wanted) {
  std::vector<PlatformImage> images;
  for (const records::Image& image : bundle.metadata().images) {
    if (!wanted(image)) continue;
    std::map<const oci::Node*, std::optional<oci::Platform>> platforms;
    const oci::Nodes documents = bundle.graph().documents_of(image.descriptor.digest);
    for (const oci::Node* document : documents)
      for (const oci::MemberEdge& member : document->content->members)
        if (member.platform != nullptr) platforms[member.to] = *member.platform;
    for (const oci::Node* document : documents)
      if (is_run(*document)) images.push_back({&image, document, platforms[document]});
  }
  return images;
}

/// Each layer once, with its media type: another may say otherwise how to read it.
class SoftwareInventory::Layers {
 public:
  Layers(const bundle::BundleContent& bundle, const InventoryOptions& options, Reporter& reporter)
      : bundle_(bundle),
        options_(options),
        reporter_(reporter),
        hash_(options.cache != nullptr ? options.cache->hash() : PathHash(PathHash::random_key())) {}

  void want(const oci::Edge& layer) { layers_.try_emplace(key_of(layer)); }

  void read() {
    std::vector<std::pair<const LayerKey, LayerInventory>*> open;
    std::uint64_t bytes = 0;
    for (auto& entry : layers_) {
      open.push_back(&entry);
      bytes += size_of(entry.first);
    }
    // Largest first, so that no thread starts on the largest when the others are done.
    std::sort(open.begin(), open.end(),
              [&](const auto* a, const auto* b) { return size_of(a->first) > size_of(b->first); });
    reporter_.begin("reading layers", bytes, open.size());
    run_parallel(open.size(), options_.jobs, [&](std::size_t i) {
      read(open[i]->first, open[i]->second);
      reporter_.advance(size_of(open[i]->first));
      reporter_.item_done();
    });
    reporter_.end();
    if (!not_kept_.empty()) reporter_.warning("what layers hold is not remembered: " + not_kept_);
  }

  ImageInventory merged(const std::vector<oci::Edge>& layers) const {
    std::vector<const LayerInventory*> of_image;
    for (const oci::Edge& layer : layers) of_image.push_back(&layers_.at(key_of(layer)));
    return merge_inventories(of_image, hash_);
  }

 private:
  static LayerKey key_of(const oci::Edge& layer) { return {layer.to->digest, std::string(layer.media_type)}; }
  std::uint64_t size_of(const LayerKey& layer) const { return bundle_.graph().at(layer.first).size; }

  void read(const LayerKey& layer, LayerInventory& inventory) {
    const auto& [digest, media_type] = layer;
    if (options_.cache != nullptr)
      if (auto known = options_.cache->find(digest, media_type)) {
        inventory = std::move(*known);
        return;
      }
    if (bundle_.is_in_base(digest)) {
      inventory.notes.push_back(fmt::format("layer {} is not in this delta: not read", digest.str()));
      return;
    }
    if (!oci::media_type::is_layer(media_type)) {
      inventory.notes.push_back(fmt::format("layer {} is none that nodes unpack: not read", digest.str()));
      return;
    }
    try {
      inventory = read_layer_inventory([&] { return bundle_.open_blob(layer.first); }, media_type, hash_);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      // What cannot be read is said of the image; but not of bytes that are not those of the bundle.
      auto reader = bundle_.open_blob(digest);
      while (!reader.next().empty()) {
      }
      inventory.notes.push_back(fmt::format("layer {}: {}", digest.str(), error.what()));
      return;
    }
    keep(layer, inventory);
  }

  /// A cache that cannot be written costs time only.
  void keep(const LayerKey& layer, const LayerInventory& inventory) {
    if (options_.cache == nullptr) return;
    try {
      options_.cache->keep(layer.first, layer.second, inventory);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      const std::lock_guard lock(mutex_);
      not_kept_ = error.what();
    }
  }

  const bundle::BundleContent& bundle_;
  InventoryOptions options_;
  Reporter& reporter_;
  PathHash hash_;
  std::map<LayerKey, LayerInventory> layers_;
  std::mutex mutex_;
  std::string not_kept_;
};

SoftwareInventory::SoftwareInventory(const bundle::BundleContent& bundle, std::vector<PlatformImage> images,
                                     const InventoryOptions& options, Reporter& reporter)
    : bundle_(bundle), images_(std::move(images)), layers_(std::make_unique<Layers>(bundle, options, reporter)) {
  for (const PlatformImage& image : images_)
    for (const oci::Edge& layer : image.manifest->content->layers) layers_->want(layer);
  layers_->read();
}

SoftwareInventory::~SoftwareInventory() = default;

InventoriedImage SoftwareInventory::at(std::size_t index) const {
  const PlatformImage& image = images_.at(index);
  ImageInventory inventory = layers_->merged(image.manifest->content->layers);
  auto attached = read_attached_sboms(bundle_, image, inventory);
  return {image, std::move(inventory), std::move(attached)};
}

std::vector<InventoriedImage> take_inventory(const bundle::BundleContent& bundle,
                                             const std::vector<PlatformImage>& images, const InventoryOptions& options,
                                             Reporter& reporter) {
  const SoftwareInventory inventory(bundle, images, options, reporter);
  std::vector<InventoriedImage> inventoried(images.size());
  run_parallel(images.size(), options.jobs, [&](std::size_t i) { inventoried[i] = inventory.at(i); });
  return inventoried;
}

}  // namespace airlock::review
