// SPDX-License-Identifier: Apache-2.0
// The content of the test registry: repositories with blobs and manifests, in memory. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
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
  bool end_upload(const std::string& id);
  std::size_t open_uploads() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Bytes> blobs_;
  std::map<std::pair<std::string, std::string>, Manifest> manifests_;
  std::set<std::string> uploads_;
  unsigned next_upload_ = 1;
};

}  // namespace test_registry
