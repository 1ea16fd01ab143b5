// SPDX-License-Identifier: Apache-2.0
#include "transfer/blob_pusher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "transfer/shared_blob.hpp"

namespace airlock::transfer {

namespace {

using Result = registry::Client::PushResult;

constexpr std::size_t most_at_once = 8;             // repositories that are sent one blob at the same time
constexpr std::uint64_t in_buffers = 8U << 20;      // sockets' and registries', at most
constexpr std::uint64_t worth_a_trial = 16U << 20;  // bytes that would be sent again where nothing is mounted

[[noreturn]] void refuse_unmounted(const oci::Digest& digest, const registry::Repository& repository) {
  throw Error(ErrorCode::registry, Side::target,
              fmt::format("the registry does not mount blob {} into {}, and this delta does not carry it", digest.str(),
                          repository.str()))
      .hint("ask for a bundle without --since; or let this user read all repositories, which mounting needs");
}

void count(Result result, Stored& stored) {
  switch (result) {
    case Result::sent: ++stored.sent; break;
    case Result::mounted: ++stored.mounted; break;
    case Result::present: ++stored.present; break;
  }
}

}  // namespace

/// What progress has been told of one blob: as far as whoever is furthest with it. What may still lie in buffers on the
/// way to the registry's disk counts when the registry has accepted the blob.
class BlobPusher::Shown {
 public:
  explicit Shown(Reporter& reporter) : reporter_(reporter) {}
  void sent(std::uint64_t position) {
    if (position > in_buffers) reach(position - in_buffers);
  }
  void accepted(std::uint64_t size) { reach(size); }
  /// It is sent again from its first byte.
  void restart() {
    const std::lock_guard lock(mutex_);
    reporter_.retreat(std::exchange(furthest_, 0));
  }

 private:
  void reach(std::uint64_t position) {
    const std::lock_guard lock(mutex_);
    if (position > furthest_) reporter_.advance(position - std::exchange(furthest_, position));
  }

  Reporter& reporter_;
  std::mutex mutex_;
  std::uint64_t furthest_ = 0;
};

class BlobPusher::ShownSource final : public oci::BlobSource {
 public:
  ShownSource(std::unique_ptr<oci::BlobSource> from, Shown& shown) : from_(std::move(from)), shown_(shown) {}
  std::string_view next() override {
    const auto piece = from_->next();
    position_ += piece.size();
    shown_.sent(position_);
    return piece;
  }

 private:
  std::unique_ptr<oci::BlobSource> from_;
  Shown& shown_;
  std::uint64_t position_ = 0;
};

const BlobTask* BlobPusher::trial(const std::vector<BlobTask>& tasks) {
  std::uint64_t repeated = 0;
  const BlobTask* smallest = nullptr;
  for (const BlobTask& task : tasks) {
    if (task.needed_by.size() < 2) continue;
    repeated += task.blob->size * (task.needed_by.size() - 1);
    if (smallest == nullptr || task.blob->size < smallest->blob->size) smallest = &task;
  }
  return repeated < worth_a_trial ? nullptr : smallest;
}

Stored BlobPusher::put(const BlobTask& task, Source& source) {
  // A delta's own blobs come from nowhere else.
  const bool at_once = mounts_nothing() && task.needed_by.size() > 1 && source.has(*task.blob);
  return at_once ? put_at_once(task, source) : put_one_by_one(task, source);
}

/// A way to save time: that somebody may not look there is no reason to stop.
std::optional<registry::Repository> BlobPusher::find_elsewhere(const BlobTask& task) {
  if (mounts_nothing()) return std::nullopt;
  for (const registry::Repository& repository : task.may_be_in) try {
      if (client_.has_blob(repository, task.blob->digest).value_or(false)) return repository;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::registry) throw;
      reporter_.detail(
          fmt::format("blob {} is not looked for in {}: {}", task.blob->digest.str(), repository.str(), error.what()));
    }
  return std::nullopt;
}

Stored BlobPusher::put_one_by_one(const BlobTask& task, Source& source) {
  const oci::Node& blob = *task.blob;
  Stored stored;
  auto from = task.known_in ? task.known_in : find_elsewhere(task);
  std::vector<registry::Repository> lacking;
  for (const Destination* destination : task.needed_by) {
    const registry::Repository& repository = destination->repository;
    // Once one has it, the others are not asked: mounting costs one request whether they have it or not.
    if (repository == task.known_in || (!from && client_.has_blob(repository, blob.digest).value_or(false))) {
      from = repository;
      ++stored.present;
    } else {
      lacking.push_back(repository);
    }
  }
  Shown shown(reporter_);
  for (const auto& repository : lacking) {
    const auto open = [&]() -> std::unique_ptr<oci::BlobSource> {
      if (!source.has(blob)) refuse_unmounted(blob.digest, repository);
      shown.restart();
      return std::make_unique<ShownSource>(source.open(blob), shown);
    };
    const auto mount_from = from ? std::optional(from->name) : std::nullopt;
    const Result result = client_.push_blob(repository, blob.digest, blob.size, mount_from, open);
    if (result == Result::mounted) has_mounted_ = true;
    if (result == Result::sent && mount_from) has_refused_ = true;
    count(result, stored);
    from = repository;
  }
  shown.accepted(blob.size);
  return stored;
}

Stored BlobPusher::put_at_once(const BlobTask& task, Source& source) {
  const oci::Node& blob = *task.blob;
  Stored stored;
  std::mutex mutex;  // guards it
  Shown shown(reporter_);
  for (std::size_t begin = 0; begin < task.needed_by.size(); begin += most_at_once) {
    const std::size_t size = std::min(most_at_once, task.needed_by.size() - begin);
    SharedBlob shared([&] { return source.open(blob); }, size);
    run_parallel(size, static_cast<unsigned>(size), [&](std::size_t i) {
      const registry::Repository& repository = task.needed_by[begin + i]->repository;
      const auto open = [&] { return std::make_unique<ShownSource>(shared.open(i), shown); };
      const bool present = repository == task.known_in || client_.has_blob(repository, blob.digest).value_or(false);
      if (present) shared.leave(i);
      const Result result =
          present ? Result::present : client_.push_blob(repository, blob.digest, blob.size, std::nullopt, open);
      const std::lock_guard lock(mutex);
      count(result, stored);
    });
  }
  shown.accepted(blob.size);
  return stored;
}

}  // namespace airlock::transfer
