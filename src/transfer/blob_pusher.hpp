// SPDX-License-Identifier: Apache-2.0
// How blobs get into a registry's repositories: over the wire once and mounted from there, or, where the registry
// mounts nothing, to several repositories at the same time from one reading.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// Of one registry; it learns whether that mounts. Thread-safe.
class BlobPusher {
 public:
  /// REQUIRES: client and reporter outlive it.
  BlobPusher(registry::Client& client, Reporter& reporter) : client_(client), reporter_(reporter) {}

  /// The smallest blob that several repositories need, where they share much; null where they do not.
  static const BlobTask* trial(const std::vector<BlobTask>& tasks);

  /// Into each repository that needs it.
  Stored put(const BlobTask& task, Source& source);

 private:
  class Shown;
  class ShownSource;

  /// Registries that mount for some repositories only (their tokens say so) are asked each time.
  bool mounts_nothing() const { return has_refused_ && !has_mounted_; }
  /// Where another process has put it by now.
  std::optional<registry::Repository> find_elsewhere(const BlobTask& task);
  Stored put_one_by_one(const BlobTask& task, Source& source);
  Stored put_at_once(const BlobTask& task, Source& source);

  registry::Client& client_;
  Reporter& reporter_;
  std::atomic<bool> has_mounted_{false};
  std::atomic<bool> has_refused_{false};
};

}  // namespace airlock::transfer
