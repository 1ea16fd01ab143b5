// SPDX-License-Identifier: Apache-2.0
#include "transfer/shared_blob.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "airlock/base/error.hpp"

namespace airlock::transfer {

/// What one reader sees: the shared pieces while it keeps up, then its own.
class SharedBlob::Tap final : public oci::BlobSource {
 public:
  Tap(SharedBlob& blob, std::size_t reader) : blob_(blob), reader_(reader) {}
  ~Tap() override { blob_.leave(reader_); }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  std::string_view next() override {
    if (!own_) {
      if (const auto piece = blob_.take(reader_)) {
        piece_ = *piece;
        position_ += piece_ ? piece_->size() : 0;
        return piece_ ? std::string_view(*piece_) : std::string_view();
      }
      own_ = blob_.open_own();
    }
    return next_own();
  }

 private:
  /// What it had already is read again, as the source has to hash it.
  std::string_view next_own() {
    for (;;) {
      const std::string_view piece = own_->next();
      const std::uint64_t begin = std::exchange(own_position_, own_position_ + piece.size());
      if (piece.empty() || own_position_ > position_)
        return piece.substr(std::min<std::uint64_t>(piece.size(), position_ - std::min(position_, begin)));
    }
  }

  SharedBlob& blob_;
  const std::size_t reader_;
  Piece piece_;
  std::uint64_t position_ = 0;  // of what was shared
  std::uint64_t own_position_ = 0;
  std::unique_ptr<oci::BlobSource> own_;
};

SharedBlob::SharedBlob(Open open, std::size_t readers, std::chrono::milliseconds patience)
    : open_(std::move(open)), patience_(patience), readers_(readers) {}

std::unique_ptr<oci::BlobSource> SharedBlob::open(std::size_t reader) {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(readers_[reader].opened, true)) return std::make_unique<Tap>(*this, reader);
  }
  leave(reader);
  return open_own();
}

void SharedBlob::leave(std::size_t reader) {
  const std::lock_guard lock(mutex_);
  readers_[reader].takes_part = false;
  forget_taken();
}

unsigned SharedBlob::readings() const {
  const std::lock_guard lock(mutex_);
  return readings_;
}

std::unique_ptr<oci::BlobSource> SharedBlob::open_own() {
  {
    const std::lock_guard lock(mutex_);
    ++readings_;
  }
  return open_();
}

std::optional<SharedBlob::Piece> SharedBlob::take(std::size_t reader) {
  std::unique_lock lock(mutex_);
  for (;;) {
    Reader& self = readers_[reader];
    if (!self.takes_part) return std::nullopt;
    if (self.next < first_ + window_.size()) {
      Piece piece = window_[self.next - first_];
      ++self.next;
      forget_taken();
      return piece;
    }
    if (fail_) fail_();
    if (ended_) return Piece();
    if (reading_)
      changed_.wait(lock);
    else if (held_ >= window_bytes)
      wait_for_slowest(lock);
    else
      read_on(lock);
  }
}

/// The source's next piece into the window. Others take what is there already meanwhile.
void SharedBlob::read_on(std::unique_lock<std::mutex>& lock) {
  reading_ = true;
  const bool begin = !source_;
  readings_ += begin ? 1 : 0;
  lock.unlock();
  Piece piece;
  std::function<void()> fail;
  try {
    if (begin) source_ = open_();
    piece = std::make_shared<const std::string>(source_->next());
  } catch (const Error& error) {
    fail = [error] { throw error; };
  } catch (...) {
    fail = [failure = std::current_exception()] { std::rethrow_exception(failure); };
  }
  lock.lock();
  reading_ = false;
  fail_ = fail;
  ended_ = fail || piece->empty();
  changed_.notify_all();
  if (!ended_) {
    held_ += piece->size();
    window_.push_back(std::move(piece));
    forget_taken();  // there may be nobody left who wants it
  }
}

void SharedBlob::wait_for_slowest(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t slowest = first_;
  if (changed_.wait_for(lock, patience_) || first_ != slowest) return;
  for (Reader& reader : readers_)
    if (reader.next == slowest) reader.takes_part = false;
  forget_taken();
}

/// What all who take part have had.
void SharedBlob::forget_taken() {
  std::uint64_t needed = first_ + window_.size();
  for (const Reader& reader : readers_)
    if (reader.takes_part) needed = std::min(needed, reader.next);
  if (needed == first_) return;
  for (; first_ < needed; ++first_) {
    held_ -= window_.front()->size();
    window_.pop_front();
  }
  changed_.notify_all();
}

}  // namespace airlock::transfer
