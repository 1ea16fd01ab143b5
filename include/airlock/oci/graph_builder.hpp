// SPDX-License-Identifier: Apache-2.0
// Builds a Graph from roots, a platform selection and a way to fetch documents.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "airlock/base/error.hpp"
#include "airlock/base/event.hpp"
#include "airlock/oci/graph.hpp"
#include "airlock/oci/manifest.hpp"

namespace airlock::oci {

struct GraphOptions {
  PlatformSelection platforms;
  Side side = Side::none;  ///< whose documents they are, for messages
  std::string advice;      ///< a hint for errors in what the source serves
  /// Indexes of which all members are taken, whatever the selection, and all members of indexes below them: their
  /// digest is promised to somebody, and registries may refuse an index that lacks members.
  std::set<Digest> whole = {};
  bool keep_bytes = true;  ///< of all documents, once they are parsed; else of sparse indexes only
};

/// Fetches and parses each document once, whatever the number of images and threads that need it; a failed one is
/// retried for the next image. Thread-safe. Errors have code `format`, or what `fetch` throws: a document that
/// `parse_document` refuses; one that is missing, or differs from its descriptor; a digest with two sizes, kinds, types
/// or ways of unpacking; indexes nested deeper than four; excessive numbers and sizes.
class GraphBuilder {
 public:
  /// Nothing if the source has no such document. Called from several threads.
  using Fetch = std::function<std::optional<RawDocument>(const Digest&)>;

  /// What a root is added as.
  enum class Role {
    image,
    referrer  ///< a signature, attestation or SBOM: not run by nodes
  };

  explicit GraphBuilder(GraphOptions options);

  /// Adds a document, and all that it reaches. Null where the source does not have it.
  const Node* add(const Digest& root, Role role, const Fetch& fetch);
  /// The same for a document that was already fetched.
  const Node& add(RawDocument root, Role role, const Fetch& fetch);
  /// The same for a document that must match its descriptor.
  const Node& add(const Descriptor& root, Role role, const Fetch& fetch);
  /// All that refers to an image. A subject that one of them names must be a document of the image or another of them:
  /// its list would be written under the subject's name. Returns all that may be a subject.
  std::set<Digest> add_referrers(const Node& image, const std::vector<Descriptor>& referrers, const Fetch& fetch);

  /// Graph::documents_of() while others are still added. REQUIRES: the image was added.
  Nodes documents_of(const Node& image);

  /// Ends the use of the builder.
  Graph take() { return std::move(graph_); }

 private:
  struct Walk;
  class Turn;
  Node* find(const Digest& digest);
  Node& note(const Descriptor& descriptor, NodeKind kind);
  std::string_view intern(const std::string& media_type);
  const Platform* intern(const Platform& platform);
  Node* obtain(const Digest& digest, const Fetch& fetch);
  void keep(Node& node, RawDocument raw);
  void visit(Node& node, Walk& walk, bool artifact, bool whole, unsigned depth);
  std::vector<MemberEdge> expand(Node& node, const Fetch& fetch, bool whole);
  void link(Content& content, const Index& index, bool whole);
  void link(Content& content, const Manifest& manifest);
  Edge edge(const Descriptor& descriptor, NodeKind kind);
  [[noreturn]] void refuse_document(const std::string& why) const;

  GraphOptions options_;
  std::mutex mutex_;  // guards what follows; a document's content belongs to who has its turn until it is parsed
  Graph graph_;
  std::set<Digest> busy_;  // documents that a thread has its turn at
  Condition turn_ended_;
  std::uint64_t document_bytes_ = 0;
};

}  // namespace airlock::oci
