// SPDX-License-Identifier: Apache-2.0
// Writes a bundle. Every offset is known before the first layer is there, because sizes and digests come from the
// manifests; blobs may then arrive in any order and in parallel, each straight into its place. The signature is written
// last and the final name given last: a bundle that was cut short neither verifies nor looks finished. What a run that
// was cut short has written is kept, with a journal, and the next run resumes there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/medium.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/bundle/sums.hpp"
#include "airlock/records/journal.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::bundle {

/// Everything about a bundle that is known before its layers are downloaded.
class Draft {
 public:
  /// `graph` holds all of `metadata.blobs`. REQUIRES: its nodes outlive this.
  Draft(Metadata metadata, const oci::Graph& graph);

  const Metadata& metadata() const { return metadata_; }
  /// Ends the use of the draft.
  Metadata take_metadata() { return std::move(metadata_); }
  /// SHA256SUMS: what is to be signed. Made at each call.
  std::string sums() const;
  const oci::Digest& sums_digest() const { return sums_digest_; }
  std::uint64_t total_size() const { return total_size_; }  ///< of the archive, in bytes
  /// What a journal says of it.
  const records::JournalPlan& plan() const { return plan_; }

 private:
  friend class Writer;
  friend class PartedBlob;
  /// An entry. There may be hundreds of thousands.
  struct Entry {
    const oci::Node* node = nullptr;  ///< of a blob
    const char* text = "";            ///< else its name
    std::uint64_t header = 0;         ///< offset of the tar header; content follows it
    std::uint64_t size = 0;
    std::uint64_t content() const { return header + 512; }
    std::string name() const;
  };
  void lay_out(Entry place);
  void lay_out_blobs(const oci::Graph& graph);
  /// Gives the content of an entry that is no config or layer. The long texts are made anew for each use.
  void write_text(const Entry& place, const TextSink& sink) const;
  /// Index into entries_; nothing for a blob that is not part of the bundle.
  std::optional<std::size_t> find(const oci::Digest& blob) const;

  Metadata metadata_;
  Sums text_sums_;  // of the entries that are no blobs
  oci::Digest sums_digest_;
  records::JournalPlan plan_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> blobs_by_digest_;  // indices into entries_
  std::uint64_t region_offset_ = 0;
  std::uint64_t total_size_ = 0;
};

class BlobWriter;
class PartedBlob;

/// Whether what an earlier run left is of the same bundle, cut in the same way.
bool can_resume(const records::JournalRecord& left, const Draft& draft, const VolumeOptions& volumes);

class Writer {
 public:
  /// What create_medium() does: a test has one that fails.
  using MakeMedium = std::function<std::unique_ptr<WritableMedium>(const std::filesystem::path&, std::uint64_t size,
                                                                   const VolumeOptions&, Leftovers)>;
  /// Reserves the files and writes all that is known. Goes on with what `left` says, if that is of the same plan.
  /// Errors of the medium have code `media`. REQUIRES: the draft outlives it.
  Writer(const std::filesystem::path& path, const Draft& draft, const VolumeOptions& volumes = {},
         std::optional<records::JournalRecord> left = std::nullopt, const MakeMedium& make_medium = create_medium);
  /// Without finish(): leaves the partial files and the journal, if any blob has begun.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// What an earlier run left, in bytes.
  struct Recovered {
    std::uint64_t whole = 0;  ///< of blobs that are complete, and right
    std::uint64_t begun = 0;  ///< of others, whose downloads resume
  };
  /// Hashes the blobs that the earlier run wrote; what is right needs no download.
  Recovered recover(unsigned jobs, Reporter& reporter);
  bool has(const oci::Digest& digest);
  /// Leaves nothing behind: for work that a later run cannot resume.
  void give_up() { given_up_ = true; }
  /// Whether there is something that a later run can use.
  bool leaves_something() const { return !journal_.empty(); }

  enum class Start {
    resume,  ///< after what the earlier run wrote of it
    afresh   ///< from the first byte
  };
  /// A blob's place. Each blob is written once, by one thread; different blobs may be written in parallel.
  BlobWriter open_blob(const oci::Digest& digest, Start start = Start::resume);

  /// Writes the signatures and gives the bundle its name. REQUIRES: every blob was finished (else an Error).
  void finish(const std::vector<trust::SignatureFile>& signatures);

 private:
  friend class BlobWriter;
  friend class PartedBlob;
  const Draft::Entry& entry_of(const oci::Digest& digest) const;
  void write_known();
  void mark_finished(const oci::Digest& digest);
  void forget(const oci::Digest& digest);
  std::uint64_t covered(const oci::Digest& digest, std::uint64_t from, std::uint64_t to);
  bool is_right(const oci::Digest& digest, const Draft::Entry& place) const;

  const Draft& draft_;
  std::optional<records::JournalRecord> left_;  // guarded by mutex_, as missing_ is
  std::unique_ptr<WritableMedium> medium_;
  records::Journal journal_;
  bool finished_ = false;
  bool given_up_ = false;
  std::mutex mutex_;
  std::vector<bool> missing_;  // by entry
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
  /// Flushes and compares size and digest; an Error (code `format`) when they differ. False where the difference may
  /// come from what an earlier run left: then the blob is to be fetched afresh.
  [[nodiscard]] bool finish();

 private:
  friend class Writer;
  BlobWriter(Writer& writer, const oci::Digest& digest, std::uint64_t offset, std::uint64_t size);
  void resume(std::uint64_t written);
  void flush();
  void note_written();

  Writer* writer_;
  oci::Digest digest_;
  std::uint64_t offset_;
  std::uint64_t size_;
  std::uint64_t received_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t written_back_ = 0;
  std::uint64_t noted_ = 0;    // in the journal
  std::uint64_t resumed_ = 0;  // bytes that an earlier run wrote
  oci::Sha256 hash_;
  std::string buffer_;
};

}  // namespace airlock::bundle
