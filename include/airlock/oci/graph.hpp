// SPDX-License-Identifier: Apache-2.0
// The contents of a set of images: one node for each document (manifest or index), config and layer, and edges for
// what a document names (OCI image-spec v1.1, manifest.md and image-index.md). It is built once, by GraphBuilder, which
// checks it as it grows; other code that walks images is a view of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/oci/digest.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/oci/platform.hpp"

namespace airlock::oci {

/// In the order of a bundle.
enum class NodeKind { document, config, layer };

struct Node;

/// What a document names, as it describes it.
struct Edge {
  const Node* to = nullptr;
  std::string_view media_type;  ///< owned by the graph; of a config or layer, another document may have another one
};

/// What an index names.
struct MemberEdge {
  const Node* to = nullptr;
  const Platform* platform = nullptr;  ///< owned by the graph; null where the index says none
  bool attestation = false;            ///< of another member, by BuildKit: no image
};

/// A document's bytes and what they say.
struct Content {
  bool parsed = false;  ///< else it is only known to exist, and nothing below is set but maybe its bytes
  bool index = false;
  bool sparse = false;          ///< of an index: it names members that the platform selection does not take
  bool offers_unnamed = false;  ///< of an index: it names members without a platform, which every selection takes
  std::string bytes;            ///< as served; empty where nobody needs them (GraphOptions::keep_bytes, forget_bytes())
  std::vector<MemberEdge> members;       ///< of an index: those that the platform selection takes
  std::vector<const Platform*> offered;  ///< of an index: of all that it names, BuildKit's `unknown` left out
  std::optional<Edge> config;            ///< of a manifest
  std::vector<Edge> layers;              ///< of a manifest, in its order
  std::optional<Digest> subject;         ///< what it refers to
  Listing listing;                       ///< of one with a subject
};

struct Node {
  Digest digest;
  std::uint64_t size = 0;  ///< bytes
  NodeKind kind = NodeKind::layer;
  bool artifact = true;              ///< of a document: only refers to an image or attests one; not run by nodes
  std::string_view media_type;       ///< owned by the graph
  std::unique_ptr<Content> content;  ///< of a document

  bool is_document() const { return kind == NodeKind::document; }
};

/// Nodes, each once.
using Nodes = std::vector<const Node*>;

/// The bytes of all of them.
std::uint64_t bytes_of(const Nodes& nodes);

/// Immutable; node addresses are stable for the lifetime of the graph, also when it is moved.
class Graph {
 public:
  Graph() = default;
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;

  /// Null if there is no such node.
  const Node* find(const Digest& digest) const;
  /// REQUIRES: there is one.
  const Node& at(const Digest& digest) const { return nodes_.at(digest); }
  /// The bytes of a document. REQUIRES: there is one, and its bytes were kept.
  std::string_view document(const Digest& digest) const { return nodes_.at(digest).content->bytes; }

  /// An image's documents: the root, and what indexes name below it, without BuildKit's attestations; in the order of
  /// their first mention. REQUIRES: the root is in the graph.
  Nodes documents_of(const Digest& root) const;

  /// All that the roots reach through members, configs and layers, themselves included, in a bundle's order: by kind,
  /// then by digest. REQUIRES: the roots are in the graph.
  Nodes closure(const std::vector<Digest>& roots) const;

  /// Frees the bytes of all documents: what they say stays.
  void forget_bytes();

 private:
  friend class GraphBuilder;
  std::map<Digest, Node> nodes_;
  std::set<std::string, std::less<>> media_types_;
  std::set<Platform> platforms_;
};

}  // namespace airlock::oci
