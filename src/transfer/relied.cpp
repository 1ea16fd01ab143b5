// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/relied.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"

namespace airlock::transfer {

namespace {

constexpr std::size_t most_named = 10;

std::string describe(const bundle::BaseSource& source) {
  std::string text =
      source.kind == bundle::BaseKind::receipt ? "the bundle of a receipt" : "a " + to_string(source.kind);
  if (!source.stream.empty()) text += ", stream " + source.stream + ", serial " + std::to_string(source.serial);
  if (source.bundle) text += ", SHA256SUMS " + source.bundle->str();
  return text;
}

[[noreturn]] void refuse(const bundle::VerifiedBundle& bundle, const std::string& registry,
                         const std::map<oci::Digest, std::string>& missing) {
  std::string text =
      "this bundle is a delta, and " + registry + " lacks " + count_of(missing.size(), "blob") + " that it relies on:";
  std::size_t named = 0;
  for (const auto& [digest, image] : missing) {
    if (named++ == most_named) {
      text += "\n  and " + std::to_string(missing.size() - most_named) + " more";
      break;
    }
    text += "\n  " + digest.str() + " of " + image;
  }
  std::vector<std::string> sources;
  for (const auto& source : bundle.metadata().base.sources) sources.push_back(describe(source));
  throw Error(ErrorCode::registry, Side::target, text)
      .hint("first import what it builds on (" + join(sources, "; ") + "), or ask for a bundle without --since");
}

}  // namespace

std::map<oci::Digest, registry::Repository> find_relied_on(registry::Client& client,
                                                           const bundle::VerifiedBundle& bundle,
                                                           const std::vector<Destination>& needing,
                                                           const std::vector<Destination>& destinations, unsigned jobs,
                                                           Reporter& reporter) {
  std::map<oci::Digest, std::string> needed;  // and an image that needs it
  std::map<oci::Digest, std::set<registry::Repository>> likely;
  std::set<registry::Repository> all;
  for (const Destination& destination : destinations) all.insert(destination.repository);
  for (const Destination& destination : needing) {
    const auto closure = bundle.closure_of(*destination.image);
    for (const auto& [digest, member] : closure.members())
      if (member.kind != bundle::BlobKind::manifest && bundle.relies_on(digest)) {
        needed.emplace(digest, destination.image->source.str());
        likely[digest].insert(destination.repository);
      }
  }
  std::map<oci::Digest, registry::Repository> found;
  if (needed.empty()) return found;
  std::mutex mutex;
  const std::vector<std::pair<oci::Digest, std::string>> list(needed.begin(), needed.end());
  reporter.begin("asking for what the delta relies on", 0, list.size());
  run_parallel(list.size(), jobs, [&](std::size_t i) {
    const oci::Digest& digest = list[i].first;
    std::vector<registry::Repository> places(likely.at(digest).begin(), likely.at(digest).end());
    for (const auto& repository : all)
      if (!likely.at(digest).contains(repository)) places.push_back(repository);
    const auto place = std::find_if(places.begin(), places.end(),
                                    [&](const auto& repository) { return client.has_blob(repository, digest); });
    const std::lock_guard lock(mutex);
    if (place != places.end()) {
      found.emplace(digest, *place);
      needed.erase(digest);
    }
    reporter.item_done();
  });
  reporter.end();
  if (!needed.empty()) refuse(bundle, destinations.front().repository.registry, needed);
  return found;
}

}  // namespace airlock::transfer
