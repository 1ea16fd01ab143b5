// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/import.hpp"

#include <set>

#include "airlock/base/findings.hpp"
#include "airlock/base/text.hpp"
#include "airlock/catalog/catalog.hpp"
#include "airlock/transfer/check.hpp"
#include "airlock/transfer/pace.hpp"
#include "airlock/transfer/relied.hpp"
#include "flow/destinations.hpp"

namespace airlock::flow {

namespace {

/// Images that an embedded addon names literally: overwriteRegistry does not reach them (catalog, literalImages).
std::vector<std::string> literal_image_warnings(const bundle::Metadata& metadata) {
  std::vector<std::string> warnings;
  if (metadata.selection.kubeone.empty()) return warnings;
  const catalog::Catalog catalog = catalog::Catalog::built_in();
  const catalog::Release* release = catalog.find_release(metadata.selection.kubeone);
  if (release == nullptr) return warnings;
  for (const catalog::AddonImage& literal : release->literal_images)
    for (const bundle::Image& image : metadata.images)
      if (image.source == literal.image)
        warnings.push_back(
            "KubeOne " + release->version + "'s addon " + literal.addon + " names " + literal.image.str() +
            " literally, so overwriteRegistry does not reach it: a cluster with this addon asks " +
            literal.image.registry +
            ". Mirror that registry on the nodes (--mirrors or --hosts-toml), or put a copy of the addon "
            "with the local name into addons.path");
  return warnings;
}

std::vector<std::string> source_registries(const bundle::Metadata& metadata) {
  std::set<std::string> hosts;
  for (const bundle::Image& image : metadata.images) hosts.insert(image.source.registry);
  return {hosts.begin(), hosts.end()};
}

std::map<oci::Digest, transfer::ReceiptBlob> blobs_held(const bundle::VerifiedBundle& bundle,
                                                        const std::vector<transfer::Destination>& destinations) {
  std::map<oci::Digest, transfer::ReceiptBlob> held;
  for (const auto& destination : destinations) {
    const auto closure = bundle.closure_of(*destination.image);
    for (const auto& [digest, member] : closure.members()) {
      transfer::ReceiptBlob& blob = held[digest];
      blob.size = member.size;
      blob.repositories.insert(destination.repository.name);
    }
  }
  return held;
}

/// Push believes that an image whose manifests are served has its blobs too; a receipt must not.
void prove_blobs(registry::Client& client, const bundle::VerifiedBundle& bundle,
                 const std::vector<transfer::Destination>& destinations, unsigned jobs, Reporter& reporter) {
  const std::string& host = destinations.front().repository.registry;
  const auto summary =
      transfer::check(client, bundle, destinations, transfer::pace(client, {host}, jobs).jobs, reporter);
  if (summary.problems.empty()) return;
  throw Error(
      ErrorCode::registry, Side::target,
      "no receipt can be given, " + count_of(summary.problems.size(), "problem") + ": " + summary.problems.front())
      .hint(
          "the registry lost something that it had; see airlock check, delete the broken names there and import again");
}

/// What a dry run finds out about the registry: whether this user may push, and for a delta what it builds on. In a
/// real run the first request of each kind finds it out.
void try_target(const bundle::VerifiedBundle& bundle, const ImportRequest& request, registry::Client& client,
                Findings& findings, Reporter& reporter) {
  const auto destinations = destinations_of(bundle.metadata(), request.target);
  findings.check([&] { client.check_push(destinations.front().repository); });
  findings.check([&] {
    transfer::find_relied_on(client, bundle, destinations, destinations,
                             transfer::pace(client, {request.target.host}, request.jobs).jobs, reporter);
  });
}

}  // namespace

std::unique_ptr<ImportResult> import_bundle(const ImportRequest& request, const trust::Policy& policy,
                                            Reporter& reporter) {
  const auto started = std::chrono::steady_clock::now();
  // Held until the end: what may follow what is decided and recorded in one go.
  std::optional<trust::ImportState> state;
  if (policy.needs_import_state() && !request.dry_run)
    state = trust::ImportState::open_to_record(state_directory(request.verify));
  Findings findings;
  std::optional<bundle::VerifiedBundle> verified;
  registry::Client client(request.client, reporter);
  if (request.check_targets) findings.check(request.check_targets);
  findings.check([&] {
    verified.emplace(state ? verify_bundle(request.verify, policy, state->last_imports(), reporter)
                           : verify_bundle(request.verify, policy, reporter));
  });
  if (!request.dry_run) findings.conclude();  // the registry hears nothing of a bundle that is not good
  registry::Reach reach = registry::Reach::tls_verified;
  const bool reached = findings.check([&] { reach = client.reach(request.target.host); });
  if (verified && request.preflight) findings.check([&] { request.preflight(verified->metadata()); });
  if (verified && reached && request.dry_run) try_target(*verified, request, client, findings, reporter);
  findings.conclude();
  const bundle::VerifiedBundle& bundle = *verified;

  auto result = std::make_unique<ImportResult>(ImportResult{bundle.metadata(),
                                                            bundle.evidence(),
                                                            {},
                                                            {},
                                                            {request.api_version, request.target, reach, {}},
                                                            {},
                                                            {},
                                                            {},
                                                            {},
                                                            {}});
  result->sources = source_registries(result->metadata);
  if (request.consumer) result->configuration.consumer = request.consumer(result->metadata);
  for (auto& warning : literal_image_warnings(result->metadata)) result->warnings.push_back(std::move(warning));
  result->destinations = destinations_of(result->metadata, request.target);
  if (!request.dry_run)
    result->push = transfer::push(client, bundle, result->destinations,
                                  transfer::pace(client, {request.target.host}, request.jobs).jobs, reporter);
  if (state && bundle.evidence().tracks_serial())
    state->record(bundle.metadata().stream, {bundle.metadata().serial, bundle.evidence().signed_content()});
  if (request.prove_blobs && !request.dry_run)
    prove_blobs(client, bundle, result->destinations, request.jobs, reporter);
  result->held = blobs_held(bundle, result->destinations);
  result->statistics = client.statistics();
  result->duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  return result;
}

}  // namespace airlock::flow
