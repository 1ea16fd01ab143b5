// SPDX-License-Identifier: Apache-2.0
// The content of the test registry: repositories with blobs and manifests, in memory. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace test_registry {

using Bytes = std::shared_ptr<const std::string>;

struct Manifest {
  std::string media_type;
  Bytes bytes;
  std::string digest;
};

class Store {
 public:
  /// Stores under its digest; false when the bytes do not have it.
  bool put_blob(const std::string& repository, const std::string& digest, std::string bytes);
  Bytes blob(const std::string& repository, const std::string& digest) const;
  /// Makes a blob known in another repository; false when `from` does not have it.
  bool mount(const std::string& repository, const std::string& digest, const std::string& from);
  /// Under a tag or a digest; returns the digest, nothing when `reference` is another digest.
  std::optional<std::string> put_manifest(const std::string& repository, const std::string& reference,
                                          const std::string& media_type, std::string bytes);
  std::optional<Manifest> manifest(const std::string& repository, const std::string& reference) const;
  std::string new_upload();
  /// Adds to an upload; false when there is none of this name.
  bool append_upload(const std::string& id, const std::string& bytes);
  /// What an upload holds; nothing when there is none of this name.
  std::optional<std::string> upload(const std::string& id) const;
  void end_upload(const std::string& id);
  /// Manifests of the repository whose subject is this digest, as descriptors.
  nlohmann::json referrers(const std::string& repository, const std::string& digest) const;
  std::size_t open_uploads() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Bytes> blobs_;
  std::map<std::pair<std::string, std::string>, Manifest> manifests_;
  std::map<std::string, std::string> uploads_;
  unsigned next_upload_ = 1;
};

}  // namespace test_registry
