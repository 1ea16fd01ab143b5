// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/writer.hpp"

#include <algorithm>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/tar.hpp"

namespace airlock::bundle {

namespace {

// libcurl hands over 16 KiB at a time; written singly, that doubles the system time (docs/benchmarks.md).
constexpr std::size_t buffer_size = 256U << 10;
constexpr std::uint64_t write_back_size = 8U << 20;

constexpr const char* broken_source = "the registry or something before it is broken or lying; ask another --mirror";

std::string blob_name(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

}  // namespace

Draft::Draft(const Metadata& metadata, const std::map<oci::Digest, std::string>& documents) {
  texts_["bundle.json"] = metadata.format();
  texts_["oci-layout"] = oci_layout_content;
  texts_["index.json"] = format_index(metadata.images);
  Sums sums;
  for (const auto& [name, text] : texts_) sums.emplace(name, oci::sha256(text));
  for (const Blob& blob : metadata.blobs) sums.emplace(blob_name(blob.digest), blob.digest);
  sums_text_ = format_sums(sums);

  lay_out("SHA256SUMS", sums_text_.size());
  region_offset_ = total_size_;
  total_size_ += region_size;
  for (const char* name : {"bundle.json", "oci-layout", "index.json"}) lay_out(name, texts_.at(name).size());
  for (const Blob& blob : metadata.blobs) {
    blob_places_.emplace(blob.digest, places_.size());
    lay_out(blob_name(blob.digest), blob.size);
  }
  total_size_ += tar::end_size;
  for (const auto& [digest, text] : documents) texts_[blob_name(digest)] = text;
  texts_["SHA256SUMS"] = sums_text_;
}

void Draft::lay_out(const std::string& name, std::uint64_t size) {
  places_.push_back({name, total_size_, size});
  total_size_ += tar::block_size + tar::padded(size);
}

Writer::Writer(const std::filesystem::path& path, const Draft& draft)
    : draft_(draft), medium_(create_medium(path, draft.total_size())) {
  for (const auto& [digest, index] : draft.blob_places_) missing_.insert(digest);
  for (const Draft::Place& place : draft.places_) {
    const auto header = tar::make_header({place.name, place.size});
    medium_->write(place.header, {header.data(), header.size()});
    const auto text = draft.texts_.find(place.name);
    if (text != draft.texts_.end()) medium_->write(place.content(), text->second);
  }
  for (const auto& [digest, index] : draft.blob_places_)
    if (draft.texts_.contains(draft.places_.at(index).name)) missing_.erase(digest);
  medium_->write(draft.region_offset_, format_region({}));
}

Writer::~Writer() = default;

const Draft::Place& Writer::place_of(const oci::Digest& digest) const {
  return draft_.places_.at(draft_.blob_places_.at(digest));
}

BlobWriter Writer::open_blob(const oci::Digest& digest) {
  const Draft::Place& place = place_of(digest);
  return {*this, digest, place.content(), place.size};
}

void Writer::mark_finished(const oci::Digest& digest) {
  const std::lock_guard lock(mutex_);
  missing_.erase(digest);
}

void Writer::finish(const std::vector<trust::SignatureFile>& signatures) {
  if (!missing_.empty())
    throw Error(ErrorCode::internal,
                count_of(missing_.size(), "blob") + " never arrived, first " + missing_.begin()->str());
  medium_->sync();  // a signature must not become durable before what it covers
  medium_->write(draft_.region_offset_, format_region(signatures));
  medium_->sync();
  medium_->commit();
}

BlobWriter::BlobWriter(Writer& writer, const oci::Digest& digest, std::uint64_t offset, std::uint64_t size)
    : writer_(&writer), digest_(digest), offset_(offset), size_(size) {
  buffer_.reserve(std::min<std::uint64_t>(buffer_size, size));
}

void BlobWriter::write(std::string_view bytes) {
  if (bytes.size() > size_ - received_)
    throw Error(ErrorCode::format, "blob " + digest_.str() + " has more than the " + std::to_string(size_) +
                                       " bytes that its manifest says")
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
  if (written_ - written_back_ >= write_back_size) {
    writer_->medium_->write_back(offset_ + written_back_, written_ - written_back_);
    written_back_ = written_;
  }
}

void BlobWriter::finish() {
  flush();
  if (written_ != size_)
    throw Error(ErrorCode::format, "blob " + digest_.str() + " ended after " + std::to_string(written_) + " of " +
                                       std::to_string(size_) + " bytes")
        .hint(broken_source);
  const oci::Digest actual = hash_.finish();
  if (actual != digest_)
    throw Error(ErrorCode::format, "blob " + digest_.str() + ": the bytes received have the digest " + actual.str())
        .hint(broken_source);
  writer_->mark_finished(digest_);
}

}  // namespace airlock::bundle
