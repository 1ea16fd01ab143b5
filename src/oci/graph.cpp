// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/graph.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <unordered_set>

namespace airlock::oci {

std::uint64_t bytes_of(const Nodes& nodes) {
  return std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Node* node) { return sum + node->size; });
}

const Node* Graph::find(const Digest& digest) const {
  const auto found = nodes_.find(digest);
  return found == nodes_.end() ? nullptr : &found->second;
}

Nodes Graph::documents_of(const Digest& root) const {
  Nodes documents{&at(root)};
  std::unordered_set<const Node*> seen{documents.front()};
  for (std::size_t i = 0; i < documents.size(); ++i)
    for (const MemberEdge& member : documents[i]->content->members)
      if (!member.attestation && seen.insert(member.to).second) documents.push_back(member.to);
  return documents;
}

Nodes Graph::closure(const std::vector<Digest>& roots) const {
  Nodes open;
  for (const Digest& root : roots) open.push_back(&at(root));
  std::unordered_set<const Node*> seen;
  Nodes reached;
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    reached.push_back(node);
    if (!node->content) continue;
    for (const MemberEdge& member : node->content->members) open.push_back(member.to);
    if (node->content->config) open.push_back(node->content->config->to);
    for (const Edge& layer : node->content->layers) open.push_back(layer.to);
  }
  std::sort(reached.begin(), reached.end(),
            [](const Node* a, const Node* b) { return std::tie(a->kind, a->digest) < std::tie(b->kind, b->digest); });
  return reached;
}

void Graph::forget_bytes() {
  for (auto& [digest, node] : nodes_)
    if (node.content) std::string().swap(node.content->bytes);
}

}  // namespace airlock::oci
