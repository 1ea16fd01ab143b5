// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "airlock/transfer/registry_ports.hpp"

namespace airlock::transfer {

Phases CheckTarget::phases() const {
  Phases phases;
  phases.blobs = "checking blobs";
  phases.documents = "checking manifests";
  phases.referrers = "checking signatures";
  phases.names = "checking names";
  phases.needs_bytes = false;
  return phases;
}

Stored CheckTarget::put_blob(const BlobTask& task, std::size_t /*part*/, Attempt /*attempt*/, Source& /*source*/) {
  for (const Destination* destination : task.needed_by) {
    const auto there = client_.has_blob(destination->repository, task.blob->digest);
    const std::string& digest = task.blob->digest.str();
    if (there == true)
      count(&CheckSummary::blobs);
    else if (!there)
      part_is_missing(*destination, *task.blob,
                      fmt::format("the registry does not say whether it has the blob {} in {}", digest,
                                  destination->repository.str()));
    else
      part_is_missing(*destination, *task.blob,
                      fmt::format("a blob, {}, is missing in {}", digest, destination->repository.str()));
  }
  return {};
}

void CheckTarget::put_document(const Destination& destination, const oci::Node& document) {
  if (client_.fetch_manifest(destination.repository, document.digest)) return count(&CheckSummary::manifests);
  const bool top = document.digest == destination.image->descriptor.digest;
  if (!top || !document.content->sparse)
    return part_is_missing(
        destination, document,
        fmt::format("{}, {}, is missing in {}", top ? "what its digest stands for" : "the manifest of a platform",
                    document.digest.str(), destination.repository.str()));
  problem(
      destination,
      fmt::format("what its digest stands for, {}, is missing in {}; the bundle has not all of its platforms, which "
                  "registries may refuse: export it with --pinned whole",
                  document.digest.str(), destination.repository.str()),
      true);
}

void CheckTarget::put_referrer(const Destination& destination, const records::Referrer& referrer) {
  if (!referrer.tag) return;  // asked for by digest, like all documents
  const auto tagged = client_.fetch_manifest(destination.repository, *referrer.tag);
  if (!tagged || tagged->digest != referrer.descriptor.digest)
    problem(destination, fmt::format("{}:{}, where cosign looks for a signature, an attestation or an SBOM, {}",
                                     destination.repository.str(), referrer.tag->str(),
                                     tagged ? "stands for " + tagged->digest.str() : "is missing"));
}

void CheckTarget::put_name(const Destination& destination) {
  const auto& descriptor = destination.image->descriptor;
  const auto top = client_.fetch_manifest(destination.repository, *destination.tag);
  if (!top) return problem(destination, "the registry does not have it", true);
  if (top->digest != descriptor.digest) {
    const auto derived = derived_index(graph_, *destination.image);
    if (!derived || oci::sha256(*derived) != top->digest)
      return problem(destination,
                     fmt::format("the registry has {}, the bundle {}", top->digest.str(), descriptor.digest.str()));
  }
  count(&CheckSummary::names);
  if (top->digest == descriptor.digest) return;
  const std::lock_guard lock(mutex_);
  summary_.derived.push_back(destination.image);
}

CheckSummary CheckTarget::take(const std::vector<Destination>& destinations) {
  if (!missing_parts_.empty())
    for (const Destination& destination : destinations)
      for (const oci::Node* node : graph_.closure(records::roots_of(*destination.image)))
        if (const auto part = missing_parts_.find({destination.repository, node}); part != missing_parts_.end())
          problem(destination, part->second);
  for (const auto& [name, problem] : problems_) {
    std::string line = fmt::format("{}: {}", name, problem.text);
    if (problem.count > 1 && !problem.counts_alone) line += fmt::format(", and {} more", problem.count - 1);
    summary_.lost_parts = summary_.lost_parts || !problem.counts_alone;
    summary_.problems.push_back(std::move(line));
  }
  return std::move(summary_);
}

void CheckTarget::part_is_missing(const Destination& destination, const oci::Node& node, const std::string& text) {
  const std::lock_guard lock(mutex_);
  missing_parts_.try_emplace({destination.repository, &node}, text);
}

void CheckTarget::count(std::uint64_t CheckSummary::*field) {
  const std::lock_guard lock(mutex_);
  ++(summary_.*field);
}

void CheckTarget::problem(const Destination& destination, const std::string& text, bool counts_alone) {
  const std::lock_guard lock(mutex_);
  Problem& known = problems_[destination.str()];
  if (known.count++ == 0 || (counts_alone && !known.counts_alone)) known.text = text;
  known.counts_alone = known.counts_alone || counts_alone;
}

}  // namespace airlock::transfer
