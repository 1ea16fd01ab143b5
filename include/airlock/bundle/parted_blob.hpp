// SPDX-License-Identifier: Apache-2.0
// A large blob that arrives in parts, several at a time: over a distant link one connection is slower than the line.
// The parts are written at their places as they come; what is complete from the start on is hashed from the file, while
// the page cache still has it.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/bundle/writer.hpp"

namespace airlock::bundle {

/// REQUIRES: the Writer outlives it. Different parts may be written by different threads.
class PartedBlob {
 public:
  /// What the end of a part means for the blob.
  enum class End {
    more_to_come,
    complete,
    wrong_leftovers  ///< all is there and its digest is wrong, maybe for what an earlier run left: to be fetched afresh
  };

  PartedBlob(Writer& writer, const oci::Digest& digest, std::uint64_t part_size);

  std::size_t parts() const { return done_.size(); }
  std::uint64_t part_offset(std::size_t number) const { return number * part_size_; }
  std::uint64_t part_size(std::size_t number) const;
  std::uint64_t size() const { return size_; }

  /// Takes the bytes of one part in order.
  class Part {
   public:
    void write(std::string_view bytes);
    std::uint64_t received() const { return received_; }
    /// Flushes, and hashes what this part makes hashable. An Error (code `format`) where the part is short, or where
    /// the whole blob turns out to have another digest and no earlier run can be blamed for it.
    End finish();

   private:
    friend class PartedBlob;
    Part(PartedBlob& blob, std::size_t number);
    PartedBlob* blob_;
    std::size_t number_;
    std::uint64_t received_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t noted_ = 0;  // in the journal
    std::string buffer_;
    void flush();
  };
  /// Goes on after what an earlier run wrote of it.
  Part open_part(std::size_t number) { return {*this, number}; }

 private:
  End part_done(std::size_t number);
  void hash_part(std::size_t number);

  Writer& writer_;
  oci::Digest digest_;
  std::uint64_t offset_;
  std::uint64_t size_;
  std::uint64_t part_size_;
  std::mutex mutex_;  // guards what follows; the hash belongs to whoever set hashing_
  std::vector<bool> done_;
  std::size_t hashed_ = 0;  // parts from the start on
  bool hashing_ = false;
  bool resumed_ = false;  // some of it was written by an earlier run
  oci::Sha256 hash_;
};

}  // namespace airlock::bundle
