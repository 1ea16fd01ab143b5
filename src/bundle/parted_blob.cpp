// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/parted_blob.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "bundle/blob_writing.hpp"

namespace airlock::bundle {

PartedBlob::PartedBlob(Writer& writer, const oci::Digest& digest, std::uint64_t part_size)
    : writer_(writer), digest_(digest), part_size_(part_size) {
  const auto& place = writer.entry_of(digest);
  offset_ = place.content();
  size_ = place.size;
  done_.resize((size_ + part_size - 1) / part_size);
}

std::uint64_t PartedBlob::part_size(std::size_t number) const {
  return std::min(part_size_, size_ - part_offset(number));
}

PartedBlob::End PartedBlob::part_done(std::size_t number) {
  {
    const std::lock_guard lock(mutex_);
    done_[number] = true;
  }
  // One thread hashes at a time, and takes on what others complete meanwhile: they keep downloading.
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (hashing_ || hashed_ == done_.size() || !done_[hashed_]) return End::more_to_come;
      hashing_ = true;
    }
    hash_part(hashed_);
    const std::lock_guard lock(mutex_);
    hashing_ = false;
    if (++hashed_ == done_.size()) break;
  }
  const oci::Digest actual = hash_.finish();
  if (actual != digest_) writer_.forget(digest_);
  if (actual != digest_ && resumed_) return End::wrong_leftovers;
  if (actual != digest_)
    throw Error(ErrorCode::format,
                fmt::format("blob {}: the bytes received have the digest {}", digest_.str(), actual.str()))
        .hint(broken_source);
  writer_.mark_finished(digest_);
  return End::complete;
}

void PartedBlob::hash_part(std::size_t number) {
  std::string buffer(buffer_size, '\0');
  const std::uint64_t end = part_offset(number) + part_size(number);
  for (std::uint64_t at = part_offset(number); at < end;) {
    const std::span<char> piece(buffer.data(), std::min<std::uint64_t>(buffer.size(), end - at));
    writer_.medium_->read(offset_ + at, piece);
    hash_.update({piece.data(), piece.size()});
    at += piece.size();
  }
}

PartedBlob::Part::Part(PartedBlob& blob, std::size_t number) : blob_(&blob), number_(number) {
  buffer_.reserve(buffer_size);
  const std::uint64_t from = blob.part_offset(number);
  received_ = written_ = noted_ = blob.writer_.covered(blob.digest_, from, from + blob.part_size(number));
  if (received_ == 0) return;
  const std::lock_guard lock(blob.mutex_);
  blob.resumed_ = true;
}

void PartedBlob::Part::write(std::string_view bytes) {
  if (bytes.size() > blob_->part_size(number_) - received_)
    throw Error(ErrorCode::internal, fmt::format("a part of blob {} got more bytes than it has", blob_->digest_.str()));
  received_ += bytes.size();
  while (!bytes.empty()) {
    const auto taken = bytes.substr(0, buffer_size - buffer_.size());
    buffer_ += taken;
    bytes.remove_prefix(taken.size());
    if (buffer_.size() == buffer_size) flush();
  }
}

void PartedBlob::Part::flush() {
  blob_->writer_.medium_->write(blob_->offset_ + blob_->part_offset(number_) + written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
  if (written_ - noted_ < note_size && written_ < blob_->part_size(number_)) return;
  blob_->writer_.journal_.written(blob_->digest_, blob_->part_offset(number_) + noted_, written_ - noted_);
  noted_ = written_;
}

PartedBlob::End PartedBlob::Part::finish() {
  flush();
  const std::uint64_t start = blob_->offset_ + blob_->part_offset(number_);
  if (received_ != blob_->part_size(number_))
    throw Error(ErrorCode::format, fmt::format("blob {} ended after {} of {} bytes", blob_->digest_.str(),
                                               blob_->part_offset(number_) + received_, blob_->size_))
        .hint(broken_source);
  blob_->writer_.medium_->write_back(start, received_);
  return blob_->part_done(number_);
}

}  // namespace airlock::bundle
