// SPDX-License-Identifier: Apache-2.0
// The port that content goes to: a registry, a bundle that is being written, something that only looks, memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "airlock/oci/graph.hpp"
#include "airlock/records/image.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/source.hpp"

namespace airlock::transfer {

/// An image and one name that it gets. Several destinations may have the same image. Where names are no matter of the
/// target, as in a bundle, the repository is the image's own and the tag counts for nothing.
struct Destination {
  const records::Image* image;
  registry::Repository repository;
  std::optional<oci::Tag> tag;
  std::string str() const { return repository.str() + (tag ? ":" + tag->str() : ""); }
};

/// Whether a document of an image has to be there under its digest: all that is below its name, and what the name
/// stands for, if its consumers ask by digest.
inline bool asked_by_digest(const records::Image& image, const oci::Node& document) {
  return document.digest != image.descriptor.digest || image.source.digest.has_value();
}

/// A name that stands for another manifest in the registry than it will after the import.
struct Move {
  std::string name;  ///< with the registry's host
  oci::Digest from;
  oci::Digest to;  ///< upstream's; where the registry refuses a sparse index, a derived one is stored instead
};

/// What a name stands for in the target now, read back and hashed.
struct Published {
  Destination destination;
  oci::Digest digest;
  bool derived = false;  ///< an index with only the bundle's platforms, because the target refused the sparse original
  bool present_before = false;
};

/// What a target has of a destination.
struct Presence {
  std::optional<Published> published;  ///< nothing where any of it is missing or different
  std::vector<Move> moves;             ///< names of it that stand for something else
};

/// A config or layer, and where it has to be.
struct BlobTask {
  const oci::Node* blob = nullptr;
  std::vector<const Destination*> needed_by;     ///< one for each repository, by repository
  std::optional<registry::Repository> known_in;  ///< has it for sure
  /// Other processes put it there at about the same time: whoever of them was first spares the others the bytes.
  std::vector<registry::Repository> may_be_in = {};
};

enum class Attempt {
  resume,  ///< what an earlier run left of it may be used
  afresh   ///< that was wrong: from the first byte
};

/// What became of a blob, or of a part of one.
struct Stored {
  bool complete = true;  ///< nothing of the blob is left to do
  bool again = false;    ///< what an earlier run left of it was wrong: once more, afresh
  std::uint64_t sent = 0;
  std::uint64_t mounted = 0;
  std::uint64_t present = 0;
};

/// What progress calls the phases; null for what the target has nothing to do for.
struct Phases {
  const char* looking = nullptr;  ///< look()
  const char* blobs = nullptr;    ///< put_blob()
  const char* documents = nullptr;
  const char* referrers = nullptr;
  const char* names = nullptr;
  const char* reading_back = nullptr;
  bool needs_bytes = true;     ///< of blobs; false for one that only looks
  bool configs_first = false;  ///< for one that parses them: what it refuses should be known before gigabytes move
};

/// Each method is called from several threads, for what the ones before it have ended for: blobs, then documents from
/// the inside out, referrers, names, then what is read back. Errors say which side failed.
class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  virtual Phases phases() const = 0;

  /// Asks for a destination as a cluster would.
  virtual Presence look(const Destination& /*destination*/) { return {}; }
  /// Whether a repository of the target has a config or layer.
  virtual bool has(const registry::Repository& /*repository*/, const oci::Node& /*blob*/) { return false; }

  /// Whether a config or layer is to be put at all: false for what an earlier run left whole.
  virtual bool wants(const oci::Node& /*blob*/) { return true; }
  /// In how many parts it is put; asked once for each blob, by one thread.
  virtual std::size_t parts(const oci::Node& /*blob*/) { return 1; }
  /// A task to put alone, before all others: what becomes of it shows how the others are best put. Null for none.
  virtual const BlobTask* trial(const std::vector<BlobTask>& /*tasks*/) { return nullptr; }
  virtual Stored put_blob(const BlobTask& task, std::size_t part, Attempt attempt, Source& source) = 0;

  /// A manifest or index under its digest (asked_by_digest()). What it names is there.
  virtual void put_document(const Destination& /*destination*/, const oci::Node& /*document*/) {}
  /// How a referrer, which is there by digest, is found. One thread at a time for each repository.
  virtual void put_referrer(const Destination& /*destination*/, const records::Referrer& /*referrer*/) {}
  virtual void put_name(const Destination& /*destination*/) {}
  /// What the name stands for now. Nothing where that is not what was put.
  virtual std::optional<Published> read_back(const Destination& /*destination*/) { return std::nullopt; }
};

}  // namespace airlock::transfer
