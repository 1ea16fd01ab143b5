// SPDX-License-Identifier: Apache-2.0
// Manifests that were fetched, by digest: each is fetched once, whatever the number of images that share it and of
// threads that want it at the same time. They are kept in memory, so there is a limit to all of them together.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::transfer {

/// Thread-safe.
class Documents {
 public:
  using Fetch = std::function<std::optional<registry::FetchedManifest>()>;

  /// The manifest of this digest; `fetch` is called unless it is known, or another thread is at it and succeeds. Null
  /// where there is none. The pointer stays good as long as this object. An Error (code `format`) past the limit.
  const registry::FetchedManifest* get(const oci::Digest& digest, const Fetch& fetch) {
    Place& place = place_of(digest);
    const std::lock_guard lock(place.mutex);
    if (!place.manifest) place.manifest = counted(fetch());
    return place.manifest ? &*place.manifest : nullptr;
  }

  const registry::FetchedManifest& add(registry::FetchedManifest manifest) {
    Place& place = place_of(manifest.digest);
    const std::lock_guard lock(place.mutex);
    if (!place.manifest) place.manifest = counted(std::move(manifest));
    return *place.manifest;
  }

  /// All bytes, by digest. Ends the object's use.
  std::map<oci::Digest, std::string> take() {
    std::map<oci::Digest, std::string> texts;
    for (auto& [digest, place] : places_)
      if (place->manifest) texts.emplace(digest, std::move(place->manifest->bytes));
    return texts;
  }

 private:
  // Some hundred images have a few MB of them, with all their attestations.
  static constexpr std::uint64_t max_bytes = 256U << 20;

  std::optional<registry::FetchedManifest> counted(std::optional<registry::FetchedManifest> manifest) {
    if (manifest && (bytes_ += manifest->bytes.size()) > max_bytes)
      throw Error(ErrorCode::format, Side::source,
                  "the manifests of all images have more than " + human_size(max_bytes) + " together")
          .hint("a registry that serves such images is broken or lying; ask another --mirror, or use --exclude");
    return manifest;
  }

  struct Place {
    std::mutex mutex;  // held while it is fetched
    std::optional<registry::FetchedManifest> manifest;
  };
  Place& place_of(const oci::Digest& digest) {
    const std::lock_guard lock(mutex_);
    auto& place = places_[digest];
    if (!place) place = std::make_unique<Place>();
    return *place;
  }

  std::atomic<std::uint64_t> bytes_{0};
  std::mutex mutex_;
  std::map<oci::Digest, std::unique_ptr<Place>> places_;
};

}  // namespace airlock::transfer
