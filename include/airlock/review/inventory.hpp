// SPDX-License-Identifier: Apache-2.0
// The software in a bundle's images: every layer is read once, whatever the number of images that have it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/review/attached_sbom.hpp"
#include "airlock/review/inventory_cache.hpp"
#include "airlock/review/layer_inventory.hpp"

namespace airlock::review {

/// An image for one platform.
struct PlatformImage {
  const records::Image* image = nullptr;  ///< the bundle's
  const oci::Node* manifest = nullptr;    ///< the bundle's graph's
  std::optional<oci::Platform> platform;  ///< as an index says

  /// "quay.io/calico/node:v3.27.4 (linux/amd64)"
  std::string str() const;
};

/// What nodes run of these images: signatures, attestations, charts and files are none.
std::vector<PlatformImage> platform_images(const bundle::BundleContent& bundle,
                                           const std::function<bool(const records::Image&)>& wanted);

struct InventoriedImage {
  PlatformImage image;
  ImageInventory inventory;
  std::vector<AttachedSbom> attached;

  /// What only upstream's lists name, each once.
  std::vector<DeclaredPackage> declared() const;
};

struct InventoryOptions {
  unsigned jobs = 2;                      ///< layers at a time
  const InventoryCache* cache = nullptr;  ///< layers that it has are not read, and so not checked either
};

/// The layers of images, each read once. What an image holds is put together when it is asked for, so that not all
/// images are in memory at the same time.
class SoftwareInventory {
 public:
  /// Reads the layers; one that cannot be read is noted in its images, and spoils no other. REQUIRES: the bundle and
  /// the cache outlive it.
  SoftwareInventory(const bundle::BundleContent& bundle, std::vector<PlatformImage> images,
                    const InventoryOptions& options, Reporter& reporter);
  ~SoftwareInventory();
  SoftwareInventory(const SoftwareInventory&) = delete;
  SoftwareInventory& operator=(const SoftwareInventory&) = delete;

  const std::vector<PlatformImage>& images() const { return images_; }
  /// Of one of images(). Thread-safe.
  InventoriedImage at(std::size_t index) const;

 private:
  class Layers;

  const bundle::BundleContent& bundle_;
  std::vector<PlatformImage> images_;
  std::unique_ptr<Layers> layers_;
};

/// All of them, for who compares images.
std::vector<InventoriedImage> take_inventory(const bundle::BundleContent& bundle,
                                             const std::vector<PlatformImage>& images, const InventoryOptions& options,
                                             Reporter& reporter);

}  // namespace airlock::review
