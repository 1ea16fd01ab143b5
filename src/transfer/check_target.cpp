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
    if (there == true)
      count(&CheckSummary::blobs);
    else if (!there)
      problem(fmt::format("{}: the registry does not say whether it has the blob {} in {}", destination->str(),
                          task.blob->digest.str(), destination->repository.str()));
    else
      problem(fmt::format("{}: a blob, {}, is missing in {}", destination->str(), task.blob->digest.str(),
                          destination->repository.str()));
  }
  return {};
}

void CheckTarget::put_document(const Destination& destination, const oci::Node& document) {
  if (client_.fetch_manifest(destination.repository, document.digest))
    count(&CheckSummary::manifests);
  else
    problem(fmt::format("{}: {}, {}, is missing in {}{}", destination.str(),
                        document.digest == destination.image->descriptor.digest ? "what its digest stands for"
                                                                                : "the manifest of a platform",
                        document.digest.str(), destination.repository.str(),
                        document.content->sparse
                            ? "; the bundle has not all of its platforms, which registries may refuse: export it with "
                              "--pinned whole"
                            : ""));
}

void CheckTarget::put_referrer(const Destination& destination, const records::Referrer& referrer) {
  if (!referrer.tag) return;  // asked for by digest, like all documents
  const auto tagged = client_.fetch_manifest(destination.repository, *referrer.tag);
  if (!tagged || tagged->digest != referrer.descriptor.digest)
    problem(fmt::format("{}: {}:{}, where cosign looks for a signature, an attestation or an SBOM, {}",
                        destination.str(), destination.repository.str(), referrer.tag->str(),
                        tagged ? "stands for " + tagged->digest.str() : "is missing"));
}

void CheckTarget::put_name(const Destination& destination) {
  const auto& descriptor = destination.image->descriptor;
  const auto top = client_.fetch_manifest(destination.repository, *destination.tag);
  if (!top) return problem(destination.str() + ": the registry does not have it");
  if (top->digest != descriptor.digest) {
    const auto derived = derived_index(graph_, *destination.image);
    if (!derived || oci::sha256(*derived) != top->digest)
      return problem(fmt::format("{}: the registry has {}, the bundle {}", destination.str(), top->digest.str(),
                                 descriptor.digest.str()));
  }
  count(&CheckSummary::names);
  if (top->digest == descriptor.digest) return;
  const std::lock_guard lock(mutex_);
  summary_.derived.push_back(destination.image);
}

CheckSummary CheckTarget::take() {
  std::sort(summary_.problems.begin(), summary_.problems.end());
  return std::move(summary_);
}

void CheckTarget::count(std::uint64_t CheckSummary::*field) {
  const std::lock_guard lock(mutex_);
  ++(summary_.*field);
}

void CheckTarget::problem(std::string text) {
  const std::lock_guard lock(mutex_);
  summary_.problems.push_back(std::move(text));
}

}  // namespace airlock::transfer
