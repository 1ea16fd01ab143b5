// SPDX-License-Identifier: Apache-2.0
#include "store.hpp"

#include "airlock/oci/digest.hpp"

namespace test_registry {

bool Store::put_blob(const std::string& repository, const std::string& digest, std::string bytes) {
  if (airlock::oci::sha256(bytes).str() != digest) return false;
  const std::lock_guard lock(mutex_);
  blobs_[{repository, digest}] = std::make_shared<const std::string>(std::move(bytes));
  return true;
}

Bytes Store::blob(const std::string& repository, const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = blobs_.find({repository, digest});
  return found == blobs_.end() ? nullptr : found->second;
}

bool Store::mount(const std::string& repository, const std::string& digest, const std::string& from) {
  const Bytes bytes = blob(from, digest);
  if (!bytes) return false;
  const std::lock_guard lock(mutex_);
  blobs_[{repository, digest}] = bytes;
  return true;
}

std::optional<std::string> Store::put_manifest(const std::string& repository, const std::string& reference,
                                               const std::string& media_type, std::string bytes) {
  const std::string digest = airlock::oci::sha256(bytes).str();
  if (reference.starts_with("sha256:") && reference != digest) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const Manifest manifest{media_type, std::make_shared<const std::string>(std::move(bytes)), digest};
  manifests_[{repository, reference}] = manifest;
  manifests_[{repository, digest}] = manifest;
  return digest;
}

std::optional<Manifest> Store::manifest(const std::string& repository, const std::string& reference) const {
  const std::lock_guard lock(mutex_);
  const auto found = manifests_.find({repository, reference});
  if (found == manifests_.end()) return std::nullopt;
  return found->second;
}

std::string Store::new_upload() {
  const std::lock_guard lock(mutex_);
  const std::string id = "upload-" + std::to_string(next_upload_++);
  uploads_.emplace(id, "");
  return id;
}

bool Store::append_upload(const std::string& id, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = uploads_.find(id);
  if (found == uploads_.end()) return false;
  found->second += bytes;
  return true;
}

std::optional<std::string> Store::upload(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = uploads_.find(id);
  if (found == uploads_.end()) return std::nullopt;
  return found->second;
}

void Store::end_upload(const std::string& id) {
  const std::lock_guard lock(mutex_);
  uploads_.erase(id);
}

nlohmann::json Store::referrers(const std::string& repository, const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  nlohmann::json found = nlohmann::json::array();
  for (const auto& [key, manifest] : manifests_) {
    if (key.first != repository || key.second != manifest.digest) continue;
    const auto body = nlohmann::json::parse(*manifest.bytes, nullptr, false);
    if (!body.is_object() || !body.contains("subject") || body["subject"].value("digest", "") != digest) continue;
    found.push_back(
        {{"mediaType", manifest.media_type}, {"digest", manifest.digest}, {"size", manifest.bytes->size()}});
  }
  return found;
}

std::size_t Store::open_uploads() const {
  const std::lock_guard lock(mutex_);
  return uploads_.size();
}

}  // namespace test_registry
