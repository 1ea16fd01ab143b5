// SPDX-License-Identifier: Apache-2.0
// Reads bundles. The order of the steps is a chain of types: an Archive is mere structure, and only verify() makes a
// VerifiedBundle, the one type that gives out blobs.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/medium.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/sums.hpp"
#include "airlock/oci/graph.hpp"
#include "airlock/oci/image_config.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::bundle {

struct Cursor;

/// The entries of a bundle, their order and places checked, their content neither parsed nor trusted.
class Archive {
 public:
  struct Extent {
    std::uint64_t offset = 0;  ///< of the content
    std::uint64_t size = 0;
  };
  struct Entry {
    EntryName name;
    Extent extent;
  };

  /// Walks all headers. An Error (code `format`) names the first thing that is not as airlock writes it.
  explicit Archive(std::shared_ptr<const ReadableMedium> medium);

  const Head& head() const { return head_; }
  const std::string& sums() const { return head_.sums; }  ///< raw SHA256SUMS
  /// Ends the use of sums(), which may be megabytes.
  void forget_sums() { std::string().swap(head_.sums); }
  /// The signed entries, in the archive's order.
  const std::vector<Entry>& entries() const { return entries_; }
  /// Null where there is no such signed entry.
  const Entry* find(const EntryName& name) const;
  /// REQUIRES: there is one.
  const Extent& extent_of(const EntryName& name) const { return find(name)->extent; }
  /// The content of an entry that is small enough; an Error past `limit`.
  std::string read(const EntryName& name, std::size_t limit) const;
  const ReadableMedium& medium() const { return *medium_; }

 private:
  void read_entries(Cursor& cursor);
  void sort_names();
  void check_end(const Cursor& cursor) const;

  std::shared_ptr<const ReadableMedium> medium_;
  Head head_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> by_name_;  // indices into entries_
};

/// Gives the bytes of one blob, in pieces, to somebody who must not act on the last one before all are known to be
/// right.
class BlobReader {
 public:
  BlobReader(const ReadableMedium& medium, const oci::Digest& digest, Archive::Extent extent);
  std::uint64_t size() const { return extent_.size; }
  /// The next piece, empty after the last; valid until the next call. The very bytes returned were hashed, and the last
  /// piece is returned only when the whole has the right digest: otherwise an Error (code `format`).
  std::string_view next();

 private:
  const ReadableMedium* medium_;
  oci::Digest digest_;
  Archive::Extent extent_;
  std::uint64_t done_ = 0;
  oci::Sha256 hash_;
  std::string buffer_;
};

/// When the content of blobs is checked. Signatures, structure, metadata and manifests always are at once.
enum class BlobCheck {
  now,     ///< every byte is read before verify() returns
  on_read  ///< each blob as it is read, by its BlobReader: nothing is read twice, and what nobody needs not at all
};

struct VerifyOptions {
  unsigned jobs = 2;                           ///< threads that hash
  std::vector<trust::SignatureFile> sidecars;  ///< signatures kept beside the bundle
  trust::Circumstances circumstances;          ///< what the policy's rules are judged by
  BlobCheck blobs = BlobCheck::now;
  bool keep_documents = true;  ///< in memory, for whoever sends them on
};

/// A bundle whose every byte is what its SHA256SUMS says, or is checked before anybody gets the whole of it
/// (BlobCheck). Whether anybody vouches for it is another question: what goes into a registry, or is signed, takes a
/// VerifiedBundle.
class BundleContent {
 public:
  const Metadata& metadata() const { return metadata_; }
  /// All its images, as far as the bundle's platforms go, with the bytes of documents (VerifyOptions::keep_documents).
  const oci::Graph& graph() const { return graph_; }
  /// All blobs of one image.
  oci::Nodes closure_of(const records::Image& image) const { return graph_.closure(records::roots_of(image)); }
  /// Whether a blob of its images is not in it, but has to be in the registry already (Metadata::base).
  bool is_in_base(const oci::Digest& digest) const { return base_.contains(digest); }
  /// REQUIRES: the bundle carries it.
  BlobReader open_blob(const oci::Digest& digest) const;
  /// An image's config, hashed and parsed. REQUIRES: the bundle carries it.
  oci::ImageConfig config(const oci::Digest& digest) const;
  /// Ends the use of the bundle. The metadata's images stay where they are in memory.
  Metadata take_metadata() { return std::move(metadata_); }
  std::uint64_t archive_size() const { return archive_->medium().size(); }

 protected:
  BundleContent(std::shared_ptr<const Archive> archive, Metadata metadata)
      : archive_(std::move(archive)), metadata_(std::move(metadata)) {}
  /// What follows metadata that was hashed: the graph, and all that is compared with it.
  void check_content(const VerifyOptions& options, Reporter& reporter);

  std::shared_ptr<const Archive> archive_;

 private:
  Metadata metadata_;
  oci::Graph graph_;
  std::set<oci::Digest> base_;
};

/// One whose signatures met a policy. Only verify() makes it.
class VerifiedBundle final : public BundleContent {
 public:
  const trust::Evidence& evidence() const { return evidence_; }

 private:
  friend VerifiedBundle verify(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                               const VerifyOptions& options, Reporter& reporter);
  static VerifiedBundle verify_steps(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                                     const VerifyOptions& options, Reporter& reporter);
  VerifiedBundle(std::shared_ptr<const Archive> archive, Metadata metadata, trust::Evidence evidence)
      : BundleContent(std::move(archive), std::move(metadata)), evidence_(std::move(evidence)) {}

  trust::Evidence evidence_;
};

/// One that nobody is known to vouch for: for looking into it.
class UncheckedBundle final : public BundleContent {
 public:
  const std::vector<trust::SignatureFile>& signatures() const { return signatures_; }
  const oci::Digest& sums_digest() const { return sums_digest_; }
  bool leftovers() const { return leftovers_; }  ///< Head::leftovers

 private:
  friend UncheckedBundle read_unchecked(std::shared_ptr<const ReadableMedium> medium, const VerifyOptions& options,
                                        Reporter& reporter);
  UncheckedBundle(std::shared_ptr<const Archive> archive, Metadata metadata, oci::Digest sums_digest);

  std::vector<trust::SignatureFile> signatures_;
  oci::Digest sums_digest_;
  bool leftovers_ = false;
};

/// Checks everything, in this order, and stops at the first failure: structure (code `format`), signatures over
/// SHA256SUMS (code `trust`), metadata (code `format`), the policy's rules for what the bundle says of itself (codes
/// `trust` and `policy`), closure, images' configs, sizes, content of every blob (code `format`; see BlobCheck).
/// Nothing that SHA256SUMS lists is parsed before the signatures are good.
VerifiedBundle verify(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                      const VerifyOptions& options, Reporter& reporter);

/// The same without a policy: signatures are not looked at.
UncheckedBundle read_unchecked(std::shared_ptr<const ReadableMedium> medium, const VerifyOptions& options,
                               Reporter& reporter);

/// What a bundle says of itself, believed by nobody: for `diff`. Neither signatures nor blobs are checked.
struct UnverifiedMetadata {
  Metadata metadata;
  std::vector<std::string> signature_names;
  oci::Digest sums_digest;
  bool leftovers = false;  ///< Head::leftovers
};
UnverifiedMetadata read_unverified(std::shared_ptr<const ReadableMedium> medium);

}  // namespace airlock::bundle
