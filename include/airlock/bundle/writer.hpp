// SPDX-License-Identifier: Apache-2.0
// Writes a bundle. Every offset is known before the first layer is there, because sizes and digests come from the
// manifests; blobs may then arrive in any order and in parallel, each straight into its place. The signature is written
// last and the final name given last: a bundle that was cut short neither verifies nor looks finished.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/bundle/medium.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/bundle/sums.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::bundle {

/// Everything about a bundle that is known before its layers are downloaded.
class Draft {
 public:
  /// `documents` holds the bytes of every manifest and index among `metadata.blobs`.
  Draft(const Metadata& metadata, const std::map<oci::Digest, std::string>& documents);

  const std::string& sums() const { return sums_text_; }    ///< SHA256SUMS: what is to be signed
  std::uint64_t total_size() const { return total_size_; }  ///< of the archive, in bytes

 private:
  friend class Writer;
  friend class PartedBlob;
  struct Place {
    std::string name;
    std::uint64_t header = 0;  ///< offset of the tar header; content follows it
    std::uint64_t size = 0;
    std::uint64_t content() const { return header + 512; }
  };
  void lay_out(const std::string& name, std::uint64_t size);

  std::string sums_text_;
  std::map<std::string, std::string> texts_;  // contents that are known already, by entry name
  std::vector<Place> places_;
  std::map<oci::Digest, std::size_t> blob_places_;  // index into places_
  std::uint64_t region_offset_ = 0;
  std::uint64_t total_size_ = 0;
};

class BlobWriter;
class PartedBlob;

class Writer {
 public:
  /// Reserves the file and writes all that is known. Errors of the medium have code `media`.
  Writer(const std::filesystem::path& path, const Draft& draft);
  ~Writer();

  /// A blob's place. Each blob is written once, by one thread; different blobs may be written in parallel.
  BlobWriter open_blob(const oci::Digest& digest);

  /// Writes the signatures and gives the bundle its name. REQUIRES: every blob was finished (else an Error).
  void finish(const std::vector<trust::SignatureFile>& signatures);

 private:
  friend class BlobWriter;
  friend class PartedBlob;
  const Draft::Place& place_of(const oci::Digest& digest) const;
  void mark_finished(const oci::Digest& digest);

  const Draft& draft_;
  std::unique_ptr<WritableMedium> medium_;
  std::mutex mutex_;
  std::set<oci::Digest> missing_;
};

/// Takes the bytes of one blob in order, hashes them and writes them in large pieces.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) = default;

  /// An Error (code `format`) as soon as there are more bytes than the descriptor says.
  void write(std::string_view bytes);
  /// How many bytes it has taken since the start.
  std::uint64_t received() const { return received_; }
  std::uint64_t size() const { return size_; }
  /// Flushes and compares size and digest; an Error (code `format`) when they differ.
  void finish();

 private:
  friend class Writer;
  BlobWriter(Writer& writer, const oci::Digest& digest, std::uint64_t offset, std::uint64_t size);
  void flush();

  Writer* writer_;
  oci::Digest digest_;
  std::uint64_t offset_;
  std::uint64_t size_;
  std::uint64_t received_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t written_back_ = 0;
  oci::Sha256 hash_;
  std::string buffer_;
};

}  // namespace airlock::bundle
