// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/tar.hpp"
#include "bundle/blob_writing.hpp"

namespace airlock::bundle {

namespace {

constexpr std::uint64_t write_back_size = 8U << 20;

}  // namespace

std::string Draft::Entry::name() const { return node != nullptr ? blob_name(node->digest) : text; }

namespace {

/// Size and digest of a text that is not kept.
struct Measured {
  std::uint64_t size = 0;
  oci::Digest digest;
};
Measured measure(const TextWriter& write) {
  std::uint64_t size = 0;
  oci::Sha256 hash;
  write([&](std::string_view piece) {
    size += piece.size();
    hash.update(piece);
  });
  return {size, hash.finish()};
}

}  // namespace

Draft::Draft(Metadata metadata, const oci::Graph& graph)
    : metadata_(std::move(metadata)), sums_digest_(oci::sha256("")), plan_{oci::sha256(""), 0} {
  entries_.reserve(metadata_.blobs.size() + 4);
  std::vector<Entry> texts;
  for (const char* name : {"bundle.json", "oci-layout", "index.json"}) {
    const Entry text{nullptr, name, 0, 0};
    const auto measured = measure([&](const TextSink& sink) { write_text(text, sink); });
    text_sums_.push_back({name, measured.digest});
    texts.push_back({nullptr, name, 0, measured.size});
  }
  {
    const std::string list = sums();
    sums_digest_ = oci::sha256(list);
    lay_out({nullptr, "SHA256SUMS", 0, list.size()});
  }
  region_offset_ = total_size_;
  total_size_ += region_size;
  for (const Entry& text : texts) lay_out(text);
  lay_out_blobs(graph);
  total_size_ += tar::end_size;
  oci::Sha256 layout;
  for (const Entry& place : entries_) layout.update(fmt::format("{} {} {}\n", place.name(), place.header, place.size));
  plan_.layout = layout.finish();
}

void Draft::lay_out_blobs(const oci::Graph& graph) {
  for (const records::Blob& blob : metadata_.blobs) {
    blobs_by_digest_.push_back(static_cast<std::uint32_t>(entries_.size()));
    lay_out({&graph.at(blob.digest), "", 0, blob.size});
  }
  std::sort(blobs_by_digest_.begin(), blobs_by_digest_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return entries_[a].node->digest < entries_[b].node->digest; });
}

std::string Draft::sums() const {
  Sums sums = text_sums_;
  sums.reserve(sums.size() + metadata_.blobs.size());
  for (const records::Blob& blob : metadata_.blobs) sums.push_back({blob.digest, blob.digest});
  return format_sums(std::move(sums));
}

void Draft::write_text(const Entry& place, const TextSink& sink) const {
  const std::string_view name = place.text;
  if (place.node != nullptr)
    sink(place.node->content->bytes);
  else if (name == "SHA256SUMS")
    sink(sums());
  else if (name == "bundle.json")
    metadata_.write(sink);
  else if (name == "index.json")
    write_index(metadata_.images, sink);
  else
    sink(oci_layout_content);
}

std::optional<std::size_t> Draft::find(const oci::Digest& blob) const {
  const auto found = std::lower_bound(
      blobs_by_digest_.begin(), blobs_by_digest_.end(), blob,
      [&](std::uint32_t index, const oci::Digest& wanted) { return entries_[index].node->digest < wanted; });
  if (found == blobs_by_digest_.end() || entries_[*found].node->digest != blob) return std::nullopt;
  return *found;
}

void Draft::lay_out(Entry place) {
  place.header = total_size_;
  total_size_ += tar::block_size + tar::padded(place.size);
  entries_.push_back(place);
}

namespace {

records::JournalPlan plan_for(const Draft& draft, const VolumeOptions& volumes) {
  records::JournalPlan plan = draft.plan();
  plan.volume_size = volumes.size;
  return plan;
}

}  // namespace

bool can_resume(const records::JournalRecord& left, const Draft& draft, const VolumeOptions& volumes) {
  return left.plan == plan_for(draft, volumes);
}

Writer::Writer(const std::filesystem::path& path, const Draft& draft, const VolumeOptions& volumes,
               std::optional<records::JournalRecord> left, const MakeMedium& make_medium)
    : draft_(draft),
      left_(left && can_resume(*left, draft, volumes) ? std::move(left) : std::nullopt),
      medium_(make_medium(path, draft.total_size(), volumes, left_ ? Leftovers::use : Leftovers::discard)),
      journal_(path, plan_for(draft, volumes), left_ ? &*left_ : nullptr) {
  try {
    write_known();
  } catch (...) {
    if (!left_) {  // what an earlier run downloaded stays; of this one there is nothing yet
      medium_->discard();
      journal_.remove();
    }
    throw;
  }
}

void Writer::write_known() {
  missing_.resize(draft_.entries_.size());
  for (std::size_t i = 0; i < missing_.size(); ++i) {
    const Draft::Entry& place = draft_.entries_[i];
    const auto header = tar::make_header({place.name(), place.size});
    medium_->write(place.header, {header.data(), header.size()});
    missing_[i] = place.node != nullptr && !place.node->is_document();
    if (missing_[i]) continue;
    std::uint64_t at = place.content();
    draft_.write_text(place, [&](std::string_view piece) {
      medium_->write(at, piece);
      at += piece.size();
    });
  }
  medium_->write(draft_.region_offset_, format_region({}));
}

Writer::~Writer() {
  if (!finished_ && !given_up_ && !journal_.empty()) return;
  medium_->discard();  // nothing, once it is finished
  journal_.remove();
}

std::uint64_t Writer::covered(const oci::Digest& digest, std::uint64_t from, std::uint64_t to) {
  const std::lock_guard lock(mutex_);
  return left_ ? left_->covered(digest, from, to) : 0;
}

bool Writer::is_right(const oci::Digest& digest, const Draft::Entry& place) const {
  oci::Sha256 hash;
  std::string buffer(std::min<std::uint64_t>(buffer_size, place.size), '\0');
  for (std::uint64_t at = 0; at < place.size; at += buffer.size()) {
    const std::span<char> piece(buffer.data(), std::min<std::uint64_t>(buffer.size(), place.size - at));
    medium_->read(place.content() + at, piece);
    hash.update({piece.data(), piece.size()});
  }
  return hash.finish() == digest;
}

Writer::Recovered Writer::recover(unsigned jobs, Reporter& reporter) {
  Recovered recovered;
  if (!left_) return recovered;
  std::vector<oci::Digest> claimed;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < missing_.size(); ++i) {
    const Draft::Entry& place = draft_.entries_[i];
    if (!missing_[i] || place.size == 0) continue;
    const std::uint64_t written = covered(place.node->digest, 0, place.size);
    if (written != place.size) {
      recovered.begun += written;
      continue;
    }
    claimed.push_back(place.node->digest);
    bytes += place.size;
  }
  if (claimed.empty()) return recovered;
  std::atomic<std::uint64_t> kept{0};
  reporter.begin("checking what an earlier run left", bytes, claimed.size());
  run_parallel(claimed.size(), jobs, [&](std::size_t i) {
    const auto& place = entry_of(claimed[i]);
    if (is_right(claimed[i], place)) {
      mark_finished(claimed[i]);
      kept += place.size;
    } else {
      forget(claimed[i]);
    }
    reporter.advance(place.size);
    reporter.item_done();
  });
  reporter.end();
  recovered.whole = kept;
  return recovered;
}

bool Writer::has(const oci::Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto index = draft_.find(digest);
  return !index || !missing_[*index];
}

void Writer::forget(const oci::Digest& digest) {
  journal_.forget(digest);
  const std::lock_guard lock(mutex_);
  if (left_) left_->written.erase(digest);
}

const Draft::Entry& Writer::entry_of(const oci::Digest& digest) const {
  return draft_.entries_[draft_.find(digest).value()];
}

BlobWriter Writer::open_blob(const oci::Digest& digest, Start start) {
  const Draft::Entry& place = entry_of(digest);
  BlobWriter blob(*this, digest, place.content(), place.size);
  if (start == Start::afresh) forget(digest);
  blob.resume(covered(digest, 0, place.size));
  return blob;
}

void Writer::mark_finished(const oci::Digest& digest) {
  const std::lock_guard lock(mutex_);
  missing_[draft_.find(digest).value()] = false;
}

void Writer::finish(const std::vector<trust::SignatureFile>& signatures) {
  if (const auto first = std::find(missing_.begin(), missing_.end(), true); first != missing_.end()) {
    const auto count = static_cast<std::size_t>(std::count(first, missing_.end(), true));
    const Draft::Entry& place = draft_.entries_[static_cast<std::size_t>(first - missing_.begin())];
    throw Error(ErrorCode::internal,
                fmt::format("{} never arrived, first {}", count_of(count, "blob"), place.node->digest.str()));
  }
  medium_->sync();  // a signature must not become durable before what it covers
  medium_->write(draft_.region_offset_, format_region(signatures));
  medium_->sync();
  medium_->commit();
  finished_ = true;
}

BlobWriter::BlobWriter(Writer& writer, const oci::Digest& digest, std::uint64_t offset, std::uint64_t size)
    : writer_(&writer), digest_(digest), offset_(offset), size_(size) {
  buffer_.reserve(std::min<std::uint64_t>(buffer_size, size));
}

void BlobWriter::resume(std::uint64_t written) {
  if (written == 0) return;
  buffer_.resize(buffer_size);
  while (received_ < written) {
    const std::span<char> piece(buffer_.data(), std::min<std::uint64_t>(buffer_size, written - received_));
    writer_->medium_->read(offset_ + received_, piece);
    hash_.update({piece.data(), piece.size()});
    received_ += piece.size();
  }
  buffer_.clear();
  resumed_ = written_ = written_back_ = noted_ = received_;
}

void BlobWriter::note_written() {
  writer_->journal_.written(digest_, noted_, written_ - noted_);
  noted_ = written_;
}

void BlobWriter::write(std::string_view bytes) {
  if (bytes.size() > size_ - received_)
    throw Error(ErrorCode::format,
                fmt::format("blob {} has more than the {} bytes that its manifest says", digest_.str(), size_))
        .hint(broken_source);
  received_ += bytes.size();
  while (!bytes.empty()) {
    const auto taken = bytes.substr(0, buffer_size - buffer_.size());
    buffer_ += taken;
    bytes.remove_prefix(taken.size());
    if (buffer_.size() == buffer_size) flush();
  }
}

void BlobWriter::flush() {
  hash_.update(buffer_);
  writer_->medium_->write(offset_ + written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
  if (written_ - noted_ >= note_size) note_written();
  if (written_ - written_back_ >= write_back_size) {
    writer_->medium_->write_back(offset_ + written_back_, written_ - written_back_);
    written_back_ = written_;
  }
}

bool BlobWriter::finish() {
  flush();
  if (written_ != size_)
    throw Error(ErrorCode::format, fmt::format("blob {} ended after {} of {} bytes", digest_.str(), written_, size_))
        .hint(broken_source);
  const oci::Digest actual = hash_.finish();
  if (actual != digest_) {
    writer_->forget(digest_);
    if (resumed_ > 0) return false;
    throw Error(ErrorCode::format,
                fmt::format("blob {}: the bytes received have the digest {}", digest_.str(), actual.str()))
        .hint(broken_source);
  }
  note_written();
  writer_->medium_->write_back(offset_ + written_back_, written_ - written_back_);
  writer_->mark_finished(digest_);
  return true;
}

}  // namespace airlock::bundle
