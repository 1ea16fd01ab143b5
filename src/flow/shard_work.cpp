// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "airlock/flow/shard.hpp"

namespace airlock::flow {

namespace {

// Of a blob that very many shards need, only some are asked for it: each question costs a request.
constexpr std::size_t most_asked = 4;

/// A blob, and the repository that each shard which needs it puts it into first.
struct Needed {
  const oci::Node* blob;
  std::map<unsigned, registry::Repository> by_shard;
};

std::vector<Needed> needed_blobs(const std::vector<transfer::Destination>& destinations,
                                 const std::vector<unsigned>& shard_of, const oci::Graph& graph) {
  std::unordered_map<const oci::Node*, std::size_t> places;
  std::vector<Needed> blobs;
  for (std::size_t i = 0; i < destinations.size(); ++i)
    for (const oci::Node* node : graph.closure(records::roots_of(*destinations[i].image))) {
      if (node->is_document()) continue;
      const auto [place, is_new] = places.try_emplace(node, blobs.size());
      if (is_new) blobs.push_back({node, {}});
      const auto [first, alone] = blobs[place->second].by_shard.try_emplace(shard_of[i], destinations[i].repository);
      if (!alone) first->second = std::min(first->second, destinations[i].repository);
    }
  std::sort(blobs.begin(), blobs.end(), [](const Needed& a, const Needed& b) {
    return std::pair(b.blob->size, a.blob->digest) < std::pair(a.blob->size, b.blob->digest);
  });
  return blobs;
}

/// Whoever has least to send, of those who need it. The largest blobs are given away first.
std::vector<unsigned> choose_senders(const std::vector<Needed>& blobs, unsigned count) {
  std::vector<std::uint64_t> bytes(count + 1);
  for (const Needed& needed : blobs)
    if (needed.by_shard.size() == 1) bytes[needed.by_shard.begin()->first] += needed.blob->size;
  std::vector<unsigned> senders;
  for (const Needed& needed : blobs) {
    const auto least = std::min_element(needed.by_shard.begin(), needed.by_shard.end(),
                                        [&](const auto& a, const auto& b) { return bytes[a.first] < bytes[b.first]; });
    senders.push_back(least->first);
    if (needed.by_shard.size() > 1) bytes[least->first] += needed.blob->size;
  }
  return senders;
}

/// The sender's first.
std::vector<registry::Repository> places_of_others(const Needed& needed, unsigned sender, unsigned own) {
  std::vector<registry::Repository> places;
  if (sender != own) places.push_back(needed.by_shard.at(sender));
  for (const auto& [shard, repository] : needed.by_shard)
    if (shard != sender && shard != own && places.size() < most_asked) places.push_back(repository);
  return places;
}

}  // namespace

ShardWork work_of(const Shard& shard, std::vector<transfer::Destination> destinations,
                  const std::vector<records::Image>& images, const oci::Graph& graph,
                  const kubeone::NameMapping& mapping) {
  const std::vector<unsigned> shard_of_image = deal_images(images, graph, shard.count, mapping);
  std::vector<unsigned> shard_of;
  for (const transfer::Destination& destination : destinations)
    shard_of.push_back(shard_of_image[static_cast<std::size_t>(destination.image - images.data())]);
  ShardWork work;
  const std::vector<Needed> blobs = needed_blobs(destinations, shard_of, graph);
  const std::vector<unsigned> senders = choose_senders(blobs, shard.count);
  for (std::size_t i = 0; i < blobs.size(); ++i)
    if (blobs[i].by_shard.size() > 1 && blobs[i].by_shard.contains(shard.number))
      work.shared.emplace(blobs[i].blob, transfer::SharedWork{senders[i] == shard.number,
                                                              places_of_others(blobs[i], senders[i], shard.number)});
  for (std::size_t i = 0; i < destinations.size(); ++i)
    if (shard_of[i] == shard.number) work.destinations.push_back(std::move(destinations[i]));
  return work;
}

}  // namespace airlock::flow
