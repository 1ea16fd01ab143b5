// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/import.hpp"

#include "airlock/kubeone/paths.hpp"

namespace airlock::flow {

namespace {

/// Every name that a consumer will ask for.
std::vector<transfer::Destination> destinations_of(const bundle::Metadata& metadata, const registry::Location& target) {
  std::vector<transfer::Destination> destinations;
  for (const bundle::Image& image : metadata.images)
    for (const kubeone::TargetPath& path : kubeone::target_paths(image.source))
      destinations.push_back({&image, {target.host, target.repository(path.repository)}, path.tag});
  return destinations;
}

}  // namespace

std::unique_ptr<ImportResult> import_bundle(const ImportRequest& request, const trust::Policy& policy,
                                            Reporter& reporter) {
  const auto started = std::chrono::steady_clock::now();
  // Held until the end: what may follow what is decided and recorded in one go.
  std::optional<trust::ImportState> state;
  if (policy.needs_import_state() && !request.dry_run)
    state = trust::ImportState::open_to_record(state_directory(request.verify));
  const bundle::VerifiedBundle bundle = state ? verify_bundle(request.verify, policy, state->last_imports(), reporter)
                                              : verify_bundle(request.verify, policy, reporter);

  registry::Client client(request.client, reporter);
  const registry::Reach reach = client.reach(request.target.host);

  auto result = std::make_unique<ImportResult>(
      ImportResult{bundle.metadata(), bundle.evidence(), {}, {}, {request.api_version, request.target, reach}, {}});
  result->destinations = destinations_of(result->metadata, request.target);
  if (request.dry_run)
    transfer::look_up(client, bundle, result->destinations.front());  // finds out about credentials
  else
    result->push = transfer::push(client, bundle, result->destinations, request.jobs, reporter);
  if (state && bundle.evidence().tracks_serial())
    state->record(bundle.metadata().stream, {bundle.metadata().serial, bundle.evidence().signed_content()});
  result->duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  return result;
}

}  // namespace airlock::flow
