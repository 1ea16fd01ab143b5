// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/paths.hpp"

namespace airlock::flow {

namespace {

constexpr unsigned most_shards = 1000;

Shard checked(std::optional<std::uint64_t> number, std::optional<std::uint64_t> count, std::string_view given) {
  if (!number || !count || *number < 1 || *number > *count || *count > most_shards)
    throw Error(ErrorCode::usage, fmt::format("\"{}\" is not a shard", printable(given)))
        .hint("write I/N, for example 2/4: the second of four");
  return {static_cast<unsigned>(*number), static_cast<unsigned>(*count)};
}

/// Images that have to be in one shard, and what they consist of.
struct Group {
  std::string repository;
  std::vector<std::size_t> images;
  std::vector<const oci::Node*> blobs;
  std::uint64_t bytes = 0;
};

/// The repository that stands for all that are connected with it by an image that goes into several.
std::string representative(const std::map<std::string, std::string>& parents, std::string repository) {
  while (parents.at(repository) != repository) repository = parents.at(repository);
  return repository;
}

std::vector<Group> group_images(const std::vector<records::Image>& images, const oci::Graph& graph,
                                const kubeone::NameMapping& mapping) {
  std::map<std::string, std::string> parents;
  for (const records::Image& image : images) {
    const auto paths = kubeone::target_paths(image.source, mapping);
    for (const kubeone::TargetPath& path : paths) {
      const std::string repository = path.repository.str();
      parents.try_emplace(repository, repository);
      parents[representative(parents, repository)] = representative(parents, paths.front().repository.str());
    }
  }
  std::map<std::string, Group> by_repository;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::string first = kubeone::target_paths(images[i].source, mapping).front().repository.str();
    const std::string repository = representative(parents, first);
    Group& group = by_repository[repository];
    group.repository = repository;
    group.images.push_back(i);
  }
  std::vector<Group> groups;
  for (auto& [repository, group] : by_repository) {
    std::unordered_set<const oci::Node*> seen;
    for (const std::size_t i : group.images)
      for (const oci::Node* node : graph.closure(records::roots_of(images[i])))
        if (seen.insert(node).second) {
          group.blobs.push_back(node);
          group.bytes += node->size;
        }
    groups.push_back(std::move(group));
  }
  return groups;
}

using Nodes = std::unordered_set<const oci::Node*>;

struct Load {
  Nodes blobs;
  std::uint64_t bytes = 0;

  /// What it would have to send for a group besides.
  std::uint64_t more_for(const Group& group) const {
    std::uint64_t more = 0;
    for (const oci::Node* node : group.blobs) more += blobs.contains(node) ? 0 : node->size;
    return more;
  }
};

std::uint64_t sent_twice(const Group& group, const Load& load, const Nodes& sent) {
  std::uint64_t bytes = 0;
  for (const oci::Node* node : group.blobs)
    if (sent.contains(node) && !load.blobs.contains(node)) bytes += node->size;
  return bytes;
}

}  // namespace

Shard Shard::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) checked(std::nullopt, std::nullopt, text);
  return checked(parse_number(text.substr(0, slash)), parse_number(text.substr(slash + 1)), text);
}

Shard Shard::of_job(unsigned count, const char* completion_index) {
  const auto index = completion_index == nullptr ? std::nullopt : parse_number(completion_index);
  if (!index)
    throw Error(ErrorCode::usage, "--shards is given, but JOB_COMPLETION_INDEX does not say which of them this is")
        .hint("run it in a Kubernetes Job with completionMode: Indexed, or give --shard I/N");
  if (*index >= count)
    throw Error(ErrorCode::usage, fmt::format("JOB_COMPLETION_INDEX is {}, and --shards {} has 0 to {}", *index, count,
                                              std::max(count, 1U) - 1))
        .hint("give the Job's completions and --shards the same number");
  return checked(*index + 1, count, fmt::format("{}/{}", *index + 1, count));
}

std::vector<unsigned> deal_images(const std::vector<records::Image>& images, const oci::Graph& graph, unsigned count,
                                  const kubeone::NameMapping& mapping) {
  std::vector<Group> groups = group_images(images, graph, mapping);
  // The largest first: what comes last evens out.
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return std::tie(b.bytes, a.repository) < std::tie(a.bytes, b.repository);
  });
  std::vector<Load> loads(count);
  Nodes sent;  // by any of them
  std::vector<unsigned> shard_of(images.size());
  for (const Group& group : groups) {
    // What another shard sends already counts twice, so shared layers draw images together until that shard is full.
    std::size_t best = 0;
    std::uint64_t least = 0;
    for (std::size_t shard = 0; shard < loads.size(); ++shard) {
      const std::uint64_t cost =
          loads[shard].bytes + loads[shard].more_for(group) + sent_twice(group, loads[shard], sent);
      if (shard == 0 || cost < least) std::tie(best, least) = std::pair(shard, cost);
    }
    loads[best].bytes += loads[best].more_for(group);
    loads[best].blobs.insert(group.blobs.begin(), group.blobs.end());
    sent.insert(group.blobs.begin(), group.blobs.end());
    for (const std::size_t image : group.images) shard_of[image] = static_cast<unsigned>(best) + 1;
  }
  return shard_of;
}

}  // namespace airlock::flow
