// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/base_blobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"

namespace airlock::transfer {

namespace {

constexpr std::size_t most_named = 10;

std::string describe(const bundle::BaseSource& source) {
  std::string text =
      source.kind == records::InventoryKind::receipt ? "the bundle of a receipt" : "a " + to_string(source.kind);
  if (!source.stream.empty()) text += fmt::format(", stream {}, serial {}", source.stream, source.serial);
  if (source.bundle) text += ", SHA256SUMS " + source.bundle->str();
  return text;
}

[[noreturn]] void refuse_missing(const std::string& registry, const std::map<oci::Digest, std::string>& missing,
                                 const std::string& advice) {
  std::string text = fmt::format("this bundle is a delta, and {} lacks {} that it depends on:", registry,
                                 count_of(missing.size(), "blob"));
  std::size_t named = 0;
  for (const auto& [digest, image] : missing) {
    if (named++ == most_named) {
      text += fmt::format("\n  and {} more", missing.size() - most_named);
      break;
    }
    text += fmt::format("\n  {} of {}", digest.str(), image);
  }
  throw Error(ErrorCode::registry, Side::target, text).hint(advice);
}

/// What is searched for, and by whom it is needed.
struct Search {
  const oci::Node* blob;
  std::string image;
  std::vector<registry::Repository> places;  // the likely ones first
};

std::vector<Search> plan_search(const oci::Graph& graph, const std::vector<const Destination*>& needing,
                                const std::vector<Destination>& destinations, const Source& source, Target& target) {
  std::map<oci::Digest, Search> searches;
  std::map<oci::Digest, std::set<registry::Repository>> likely;
  for (const Destination* destination : needing)
    for (const oci::Node* node : graph.closure(records::roots_of(*destination->image)))
      if (!node->is_document() && !source.has(*node) && target.wants(*node)) {
        searches.try_emplace(node->digest, Search{node, destination->image->source.str(), {}});
        likely[node->digest].insert(destination->repository);
      }
  std::vector<Search> list;
  if (searches.empty()) return list;
  std::set<registry::Repository> all;
  for (const Destination& destination : destinations) all.insert(destination.repository);
  for (auto& [digest, search] : searches) {
    const auto& first = likely.at(digest);
    search.places.assign(first.begin(), first.end());
    std::copy_if(all.begin(), all.end(), std::back_inserter(search.places),
                 [&](const auto& repository) { return !first.contains(repository); });
    list.push_back(std::move(search));
  }
  return list;
}

}  // namespace

std::string base_advice(const bundle::Base& base) {
  if (base.sources.empty()) return "";
  std::vector<std::string> sources;
  for (const bundle::BaseSource& source : base.sources) sources.push_back(describe(source));
  return fmt::format("first import what it builds on ({}), or ask for a bundle without --since", join(sources, "; "));
}

std::map<oci::Digest, registry::Repository> find_base_blobs(const oci::Graph& graph,
                                                            const std::vector<const Destination*>& needing,
                                                            const std::vector<Destination>& destinations,
                                                            const Source& source, Target& target, unsigned jobs,
                                                            const std::string& advice, Reporter& reporter) {
  std::map<oci::Digest, registry::Repository> found;
  const std::vector<Search> list = plan_search(graph, needing, destinations, source, target);
  if (list.empty()) return found;
  std::mutex mutex;
  std::map<oci::Digest, std::string> missing;
  reporter.begin("asking for what the delta depends on", 0, list.size());
  run_parallel(list.size(), jobs, [&](std::size_t i) {
    const Search& search = list[i];
    const auto place = std::find_if(search.places.begin(), search.places.end(),
                                    [&](const auto& repository) { return target.has(repository, *search.blob); });
    const std::lock_guard lock(mutex);
    if (place != search.places.end())
      found.emplace(search.blob->digest, *place);
    else
      missing.emplace(search.blob->digest, search.image);
    reporter.item_done();
  });
  reporter.end();
  if (!missing.empty()) refuse_missing(destinations.front().repository.registry, missing, advice);
  return found;
}

}  // namespace airlock::transfer
