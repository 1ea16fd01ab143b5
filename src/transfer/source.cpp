// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/source.hpp"

#include <fmt/format.h>

#include <exception>
#include <mutex>
#include <thread>

#include "airlock/base/error.hpp"
#include "airlock/base/event.hpp"

namespace airlock::transfer {

std::optional<oci::RawDocument> UnionSource::document(const oci::Digest& digest) {
  const auto source = sources_.find(digest);
  if (source == sources_.end()) return std::nullopt;
  return source->second->document(digest);
}

void UnionSource::send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) {
  sources_.at(blob.digest)->send(blob, part, sink);
}

std::unique_ptr<oci::BlobSource> UnionSource::open(const oci::Node& blob) {
  return sources_.at(blob.digest)->open(blob);
}

std::string UnionSource::name_of(const oci::Node& blob) const { return sources_.at(blob.digest)->name_of(blob); }

namespace {

/// Ends the sending thread when nobody asks any more.
struct Abandoned {};

/// One piece between a thread that sends and one that asks.
class Pipe final : public oci::BlobSource, private oci::BlobSink {
 public:
  Pipe(Source& source, const oci::Node& blob) : blob_(blob) {
    sender_ = std::jthread([this, &source] { run(source); });
  }
  ~Pipe() override {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::string_view next() override {
    std::unique_lock lock(mutex_);
    while (!full_ && !ended_) changed_.wait(lock);
    if (full_) {
      taken_ = std::move(piece_);
      full_ = false;
      changed_.notify_all();
      return taken_;
    }
    if (failure_) std::rethrow_exception(failure_);
    return {};
  }

 private:
  void write(std::string_view bytes) override {
    if (bytes.empty()) return;
    hash_.update(bytes);
    received_ += bytes.size();
    std::unique_lock lock(mutex_);
    while (full_ && !abandoned_) changed_.wait(lock);
    if (abandoned_) throw Abandoned();
    // The last piece waits until the whole is known to be right.
    if (received_ == blob_.size && hash_.finish() != blob_.digest)
      throw Error(ErrorCode::format, Side::source,
                  fmt::format("blob {}: the bytes received are others", blob_.digest.str()));
    piece_ = bytes;
    full_ = true;
    changed_.notify_all();
  }
  std::uint64_t received() const override { return received_; }

  void run(Source& source) {
    std::exception_ptr failure;
    try {
      source.send(blob_, oci::BlobPart::whole(blob_.size), *this);
    } catch (const Abandoned&) {
      return;
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    ended_ = true;
    changed_.notify_all();
  }

  const oci::Node& blob_;
  std::uint64_t received_ = 0;  // the sender's alone, as the hash is
  oci::Sha256 hash_;
  std::mutex mutex_;  // guards what follows
  Condition changed_;
  std::string piece_;
  std::string taken_;
  bool full_ = false;
  bool ended_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
  std::jthread sender_;  // last member: it uses all others
};

}  // namespace

std::unique_ptr<oci::BlobSource> open_by_sending(Source& source, const oci::Node& blob) {
  return std::make_unique<Pipe>(source, blob);
}

}  // namespace airlock::transfer
