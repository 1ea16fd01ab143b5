// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/check.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "airlock/base/parallel.hpp"
#include "airlock/bundle/closure.hpp"

namespace airlock::transfer {

namespace {

class Checker {
 public:
  Checker(registry::Client& client, const bundle::VerifiedBundle& bundle) : client_(client), bundle_(bundle) {}

  void check_name(const Destination& destination) {
    const auto& descriptor = destination.image->descriptor;
    const auto top = client_.fetch_manifest(destination.repository, destination.tag);
    const auto derived =
        top && top->digest != descriptor.digest ? derived_index(bundle_, *destination.image) : std::nullopt;
    if (!top)
      problem(destination.str() + ": the registry does not have it");
    else if (top->digest != descriptor.digest && !(derived && oci::sha256(*derived) == top->digest))
      problem(destination.str() + ": the registry has " + top->digest.str() + ", the bundle " +
              descriptor.digest.str());
    else
      count(&CheckSummary::names);
    const auto closure = bundle_.closure_of(*destination.image);
    for (const auto& [digest, member] : closure.members()) {
      if (digest == descriptor.digest) continue;
      check_member(destination, digest, member.kind == bundle::BlobKind::manifest);
    }
  }

  CheckSummary take() { return std::move(summary_); }

 private:
  /// Once for each repository, whatever the number of names that share it.
  bool is_new(const registry::Repository& repository, const oci::Digest& digest) {
    const std::lock_guard lock(mutex_);
    return seen_.emplace(repository, digest).second;
  }

  void check_member(const Destination& destination, const oci::Digest& digest, bool manifest) {
    if (!is_new(destination.repository, digest)) return;
    const bool there = manifest ? client_.fetch_manifest(destination.repository, digest).has_value()
                                : client_.has_blob(destination.repository, digest);
    if (there)
      count(manifest ? &CheckSummary::manifests : &CheckSummary::blobs);
    else
      problem(destination.str() + ": " + (manifest ? "the manifest of a platform, " : "a blob, ") + digest.str() +
              ", is missing in " + destination.repository.str());
  }

  void count(std::uint64_t CheckSummary::*field) {
    const std::lock_guard lock(mutex_);
    ++(summary_.*field);
  }

  void problem(std::string text) {
    const std::lock_guard lock(mutex_);
    summary_.problems.push_back(std::move(text));
  }

  registry::Client& client_;
  const bundle::VerifiedBundle& bundle_;
  std::mutex mutex_;
  std::set<std::pair<registry::Repository, oci::Digest>> seen_;
  CheckSummary summary_;
};

}  // namespace

CheckSummary check(registry::Client& client, const bundle::VerifiedBundle& bundle,
                   const std::vector<Destination>& destinations, unsigned jobs, Reporter& reporter) {
  Checker checker(client, bundle);
  reporter.begin("checking", 0, destinations.size());
  run_parallel(destinations.size(), jobs, [&](std::size_t i) {
    within([&] { return destinations[i].str(); }, [&] { checker.check_name(destinations[i]); });
    reporter.item_done();
  });
  reporter.end();
  CheckSummary summary = checker.take();
  std::sort(summary.problems.begin(), summary.problems.end());
  return summary;
}

}  // namespace airlock::transfer
