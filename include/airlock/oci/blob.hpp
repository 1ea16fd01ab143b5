// SPDX-License-Identifier: Apache-2.0
// Transfer of a blob's bytes: written into a sink, or read from a source.
#pragma once

#include <cstdint>
#include <string_view>

namespace airlock::oci {

/// A part of a blob, in bytes.
struct BlobPart {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t blob_size = 0;
  static BlobPart whole(std::uint64_t blob_size) { return {0, blob_size, blob_size}; }
  bool is_whole() const { return size == blob_size; }
};

/// Takes the bytes of a blob, or of a part of one, in order and each once. An interrupted transfer resumes
/// at received().
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual void write(std::string_view bytes) = 0;
  virtual std::uint64_t received() const = 0;
};

/// Gives a blob's bytes once, in order: each call to next() returns the next piece, empty at the end.
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  virtual std::string_view next() = 0;
};

}  // namespace airlock::oci
