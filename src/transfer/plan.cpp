// SPDX-License-Identifier: Apache-2.0
#include "transfer/plan.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace airlock::transfer {

namespace {

struct Need {
  const oci::Node* node;
  const Destination* destination;
};

/// Each node once for each repository.
void make_unique(std::vector<Need>& needs) {
  const auto key = [](const Need& need) { return std::tie(need.node->digest, need.destination->repository); };
  std::stable_sort(needs.begin(), needs.end(), [&](const Need& a, const Need& b) { return key(a) < key(b); });
  needs.erase(std::unique(needs.begin(), needs.end(), [&](const Need& a, const Need& b) { return key(a) == key(b); }),
              needs.end());
}

/// How many levels of documents are below each. The graph has no circles: a digest cannot be part of what it is made
/// of.
class Heights {
 public:
  std::size_t of(const oci::Node& document) {
    if (const auto known = heights_.find(&document); known != heights_.end()) return known->second;
    std::size_t height = 0;
    for (const oci::MemberEdge& member : document.content->members) height = std::max(height, of(*member.to) + 1);
    return heights_[&document] = height;
  }

 private:
  std::unordered_map<const oci::Node*, std::size_t> heights_;  // an index may name one document thousands of times
};

}  // namespace

std::vector<BlobTask> plan_blobs(const oci::Graph& graph, const std::vector<const Destination*>& destinations,
                                 bool configs_first) {
  std::vector<Need> needs;
  for (const Destination* destination : destinations)
    for (const oci::Node* node : graph.closure(records::roots_of(*destination->image)))
      if (!node->is_document()) needs.push_back({node, destination});
  make_unique(needs);
  std::vector<BlobTask> tasks;
  for (const Need& need : needs) {
    if (tasks.empty() || tasks.back().blob != need.node) tasks.push_back({need.node, {}, std::nullopt});
    tasks.back().needed_by.push_back(need.destination);
  }
  std::stable_sort(tasks.begin(), tasks.end(), [&](const BlobTask& a, const BlobTask& b) {
    const auto config = [&](const BlobTask& task) { return configs_first && task.blob->kind == oci::NodeKind::config; };
    return std::pair(config(a), a.blob->size) > std::pair(config(b), b.blob->size);
  });
  return tasks;
}

std::vector<std::vector<DocumentTask>> plan_documents(const oci::Graph& graph,
                                                      const std::vector<const Destination*>& destinations) {
  std::vector<Need> needs;
  for (const Destination* destination : destinations)
    for (const oci::Node* node : graph.closure(records::roots_of(*destination->image)))
      if (node->is_document() && asked_by_digest(*destination->image, *node)) needs.push_back({node, destination});
  make_unique(needs);
  std::vector<std::vector<DocumentTask>> rounds;
  Heights heights;
  for (const Need& need : needs) {
    const std::size_t height = heights.of(*need.node);
    if (rounds.size() <= height) rounds.resize(height + 1);
    rounds[height].push_back({need.destination, need.node});
  }
  return rounds;
}

}  // namespace airlock::transfer
