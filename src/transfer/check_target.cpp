// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "airlock/transfer/registry_ports.hpp"

namespace airlock::transfer {

Phases CheckTarget::phases() const {
  Phases phases;
  phases.blobs = "checking blobs";
  phases.documents = "checking manifests";
  phases.names = "checking names";
  phases.needs_bytes = false;
  return phases;
}

Stored CheckTarget::put_blob(const BlobTask& task, std::size_t /*part*/, Attempt /*attempt*/, Source& /*source*/) {
  for (const Destination* destination : task.needed_by) {
    if (client_.has_blob(destination->repository, task.blob->digest))
      count(&CheckSummary::blobs);
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
    problem(fmt::format("{}: the manifest of a platform, {}, is missing in {}", destination.str(),
                        document.digest.str(), destination.repository.str()));
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
