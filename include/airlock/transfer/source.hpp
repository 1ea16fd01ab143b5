// SPDX-License-Identifier: Apache-2.0
// The port that content comes from: a registry, a verified bundle, several of them, memory.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "airlock/oci/blob.hpp"
#include "airlock/oci/graph.hpp"

namespace airlock::transfer {

/// Thread-safe. Errors say which side failed.
class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// A manifest or index; nothing where there is none. Its digest is computed from its bytes.
  virtual std::optional<oci::RawDocument> document(const oci::Digest& digest) = 0;

  /// Whether it has the bytes of a config or layer: a delta has not all.
  virtual bool has(const oci::Node& /*blob*/) const { return true; }

  /// Writes a part of a blob into a sink, from `sink.received()` on. Where the sink does not hash, bytes may be wrong.
  /// REQUIRES: has(blob).
  virtual void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) = 0;

  /// The same bytes for somebody who asks for them. A source that knows the digest withholds the last piece until all
  /// are known to be right. REQUIRES: has(blob); this outlives what is returned.
  virtual std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) = 0;

  /// Where a blob comes from, for messages.
  virtual std::string name_of(const oci::Node& blob) const = 0;
};

/// What several sources have together.
class UnionSource final : public Source {
 public:
  /// `source` has this blob. The first one that is named for a digest is asked for it. REQUIRES: it outlives this.
  void add(const oci::Digest& digest, Source& source) { sources_.try_emplace(digest, &source); }

  std::optional<oci::RawDocument> document(const oci::Digest& digest) override;
  bool has(const oci::Node& blob) const override { return sources_.contains(blob.digest); }
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override;
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override;
  std::string name_of(const oci::Node& blob) const override;

 private:
  std::map<oci::Digest, Source*> sources_;
};

/// Source::open() for one that can only send: a thread of its own sends, a piece at a time. The bytes are hashed.
std::unique_ptr<oci::BlobSource> open_by_sending(Source& source, const oci::Node& blob);

}  // namespace airlock::transfer
