// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "airlock/base/findings.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/missing.hpp"
#include "airlock/kubeone/catalog.hpp"
#include "airlock/transfer/base_blobs.hpp"
#include "airlock/transfer/bundle_ports.hpp"
#include "airlock/transfer/copy.hpp"
#include "airlock/transfer/pace.hpp"
#include "airlock/transfer/registry_ports.hpp"
#include "flow/ask_for_all.hpp"
#include "flow/clashes.hpp"
#include "flow/destinations.hpp"
#include "flow/imported_content.hpp"
#include "flow/shortened.hpp"

namespace airlock::flow {

namespace {

/// Images that an embedded addon names literally: overwriteRegistry does not reach them (catalog, literalImages).
std::vector<std::string> literal_image_warnings(const bundle::Metadata& metadata) {
  std::vector<std::string> warnings;
  if (metadata.selection.kubeone.empty()) return warnings;
  const kubeone::Catalog catalog = kubeone::Catalog::built_in();
  const kubeone::Release* release = catalog.find_release(metadata.selection.kubeone);
  if (release == nullptr) return warnings;
  for (const kubeone::AddonImage& literal : release->literal_images)
    for (const records::Image& image : metadata.images)
      if (image.source == literal.image)
        warnings.push_back(
            fmt::format("KubeOne {}'s addon {} names {} literally, so overwriteRegistry does not reach it: a cluster "
                        "with this addon asks {}. Mirror that registry on the nodes (--mirrors or --hosts-toml), or "
                        "put a copy of the addon with the local name into addons.path",
                        release->version, literal.addon, literal.image.str(), literal.image.registry.str()));
  return warnings;
}

/// What a registry that takes no incomplete indexes makes of a bundle that has some.
std::vector<std::string> loss_warnings(const transfer::CopySummary& push, const oci::Graph& graph) {
  std::vector<const records::Image*> shortened;
  for (const transfer::Published& published : push.published)
    if (published.derived) shortened.push_back(published.destination.image);
  const auto lost = what_is_lost(shortened, graph);
  if (lost.empty()) return {};
  return {fmt::format("{}:\n  {}\n{}", shortened_text, join(lost, "\n  "), shortened_remedy)};
}

/// Before anything is sent: whether the registry takes them is known when it is asked.
std::vector<std::string> pinned_warnings(const bundle::VerifiedBundle& bundle) {
  std::vector<std::string> pinned;
  for (const records::Image* image : incomplete_images(bundle.metadata().images, bundle.graph()))
    if (image->source.digest) pinned.push_back(image->source.str());
  if (pinned.empty()) return {};
  return {
      fmt::format("asked for by digest, but not carried with all platforms: the import needs a registry that takes "
                  "incomplete indexes:\n  {}",
                  join(pinned, "\n  "))};
}

/// What only extract gives out.
void tell_files(const std::vector<records::Image>& images, const NamingRequest& naming, Reporter& reporter) {
  std::vector<std::string> files;
  for (const records::Image& image : images)
    if (records::is_file(image)) files.push_back(join(image.components, ", "));
  if (files.empty() || naming.files) return;
  reporter.note(
      fmt::format("{} in the bundle, not for the registry (airlock extract writes {}; --files pushes {} too): "
                  "{}",
                  count_of(files.size(), "file is", "files are"), files.size() == 1 ? "it" : "them",
                  files.size() == 1 ? "it" : "them", printable(join(files, ", "))));
}

std::vector<std::string> source_registries(const bundle::Metadata& metadata) {
  std::set<std::string> hosts;
  for (const records::Image& image : metadata.images)
    if (!records::is_file(image) && !records::is_chart(image)) hosts.insert(image.source.registry);
  return {hosts.begin(), hosts.end()};
}

std::map<oci::Digest, records::ReceiptBlob> blobs_held(const oci::Graph& graph,
                                                       const std::vector<transfer::Destination>& destinations) {
  std::map<oci::Digest, records::ReceiptBlob> held;
  for (const auto& destination : destinations)
    for (const oci::Node* node : graph.closure(records::roots_of(*destination.image))) {
      records::ReceiptBlob& blob = held[node->digest];
      blob.size = node->size;
      blob.repositories.insert(destination.repository.name);
    }
  return held;
}

/// A copy believes that an image whose manifests are served has its blobs too; a receipt must not.
void prove_blobs(registry::Client& client, const bundle::VerifiedBundle& bundle, const oci::Graph& graph,
                 const std::vector<transfer::Destination>& destinations, unsigned jobs, Reporter& reporter) {
  const auto summary = ask_for_all(client, bundle, graph, destinations, jobs, reporter);
  if (summary.problems.empty()) return;
  throw Error(ErrorCode::registry, Side::target,
              fmt::format("no receipt can be given, {}: {}", count_of(summary.problems.size(), "problem"),
                          summary.problems.front()))
      .hint(
          "the registry lost something that it had; see airlock check, delete the broken names there and import again");
}

/// Known before anything is sent: some registries do not take what Docker's tools have pushed for years.
void check_types(const ImportedContent& content, const std::vector<transfer::Destination>& destinations,
                 registry::Client& client) {
  std::vector<std::string> names;
  for (const records::Image* image : transfer::docker_images(content.images(), content.graph()))
    names.push_back(image->source.str());
  if (names.empty() || destinations.empty()) return;
  if (client.takes_type(destinations.front().repository, std::string(oci::media_type::docker_manifest))) return;
  throw Error(ErrorCode::registry, Side::target,
              fmt::format("the registry takes no manifests of Docker's media types, which {}:\n  {}",
                          count_of(names.size(), "image has", "images have"), join(names, "\n  ")))
      .hint(
          "let the registry take them (zot: \"http\": {\"compat\": [\"docker2s2\"]}), or import with "
          "--convert-docker-types, which changes their digests");
}

/// The names of this run's images.
ShardWork work_for(const ImportRequest& request, const ImportedContent& content, const Naming& naming) {
  auto destinations = destinations_of(content.images(), request.target, naming);
  if (request.shard.is_whole()) return {std::move(destinations), {}};
  return work_of(request.shard, std::move(destinations), content.images(), content.graph(), naming.mapping);
}

/// A registry that is near is the limit, however many machines push: shards share its requests among them.
unsigned jobs_for(const ImportRequest& request, registry::Client& client) {
  const transfer::Pace pace = transfer::pace(client, {request.target.host}, request.jobs);
  const bool shared = request.jobs == 0 && pace.mode == transfer::PullMode::whole_blobs;
  return shared ? std::max(2U, pace.jobs / request.shard.count) : pace.jobs;
}

/// What a dry run finds out about the registry: whether this user may push, for a delta what it builds on, and which
/// names would move. In a real run the first request of each kind finds it out.
void try_target(const bundle::VerifiedBundle& bundle, const ImportedContent& content, const ImportRequest& request,
                registry::Client& client, std::vector<transfer::Move>& moves, Findings& findings, Reporter& reporter) {
  const auto destinations = work_for(request, content, request.naming.of(bundle.metadata())).destinations;
  if (destinations.empty()) return;  // more shards than repositories, or files only
  std::vector<const transfer::Destination*> all;
  for (const auto& destination : destinations) all.push_back(&destination);
  const auto jobs = [&] { return jobs_for(request, client); };
  const transfer::BundleSource source(bundle);
  transfer::RegistryTarget target(client, content.graph(), reporter);
  findings.check([&] { client.check_push(destinations.front().repository); });
  findings.check([&] { check_types(content, destinations, client); });
  findings.check([&] {
    transfer::find_base_blobs(content.graph(), all, destinations, source, target, jobs(),
                              transfer::base_advice(bundle.metadata().base), reporter);
  });
  findings.check([&] {
    moves = transfer::find_moves(destinations, target, jobs(), reporter);
    if (request.existing == transfer::Existing::keep && !moves.empty()) transfer::refuse_moves(moves);
  });
}

/// Verification as the policy wants it, with the record of imports in hand where it needs one.
bundle::VerifiedBundle verify_for(const ImportRequest& request, const trust::Policy& policy,
                                  const std::optional<records::ImportState>& state, Reporter& reporter) {
  VerifyRequest verify = request.verify;
  verify.target = request.target;
  return state ? verify_bundle(verify, policy, state->last_imports(), reporter)
               : verify_bundle(verify, policy, reporter);
}

/// An import that is killed may have moved names: that it began is on the disk before the first of them is written.
std::function<void()> recording(std::optional<records::ImportState>& state, const bundle::VerifiedBundle& bundle,
                                const ImportRequest& request) {
  if (!state || !bundle.evidence().tracks_serial()) return nullptr;
  return [&] {
    state->begin(bundle.metadata().stream, request.target,
                 {bundle.metadata().serial, bundle.evidence().signed_content()});
  };
}

std::unique_ptr<ImportResult> begin_result(const bundle::VerifiedBundle& bundle, const ImportedContent& content,
                                           const ImportRequest& request, registry::Reach reach) {
  auto result = std::make_unique<ImportResult>(ImportResult{{},
                                                            bundle.evidence(),
                                                            request.naming.of(bundle.metadata()),
                                                            {},
                                                            {},
                                                            {request.api_version, request.target, reach, {}},
                                                            {},
                                                            {},
                                                            {},
                                                            {},
                                                            {}});
  result->sources = source_registries(bundle.metadata());
  if (request.consumer) result->configuration.consumer = request.consumer(bundle.metadata());
  for (auto& warning : literal_image_warnings(bundle.metadata())) result->warnings.push_back(std::move(warning));
  for (auto& warning : pinned_warnings(bundle)) result->warnings.push_back(std::move(warning));
  const auto lost = what_is_lost(content.changed(), bundle.graph());
  if (!lost.empty())
    result->warnings.push_back(
        fmt::format("converted to the OCI's types, these have other digests, to which this does "
                    "not apply:\n  {}",
                    join(lost, "\n  ")));
  return result;
}

}  // namespace

std::unique_ptr<ImportResult> import_bundle(const ImportRequest& request, const trust::Policy& policy,
                                            Reporter& reporter) {
  const auto started = std::chrono::steady_clock::now();
  // Held until the end: what may follow what is decided and recorded in one go.
  std::optional<records::ImportState> state;
  if (policy.needs_import_state() && !request.dry_run)
    state = records::ImportState::open_to_record(needed_state_directory(request.verify));
  Findings findings;
  std::optional<bundle::VerifiedBundle> verified;
  registry::Client client(request.client, reporter);
  if (request.check_targets) findings.check(request.check_targets);
  findings.check([&] { verified.emplace(verify_for(request, policy, state, reporter)); });
  if (!request.dry_run) findings.conclude();  // the registry hears nothing of a bundle that is not good
  registry::Reach reach = registry::Reach::tls_verified;
  std::vector<transfer::Move> moves;
  const bool reached = findings.check([&] { reach = client.reach(request.target.host); });
  if (verified && request.preflight) findings.check([&] { request.preflight(verified->metadata()); });
  std::optional<ImportedContent> imported;
  if (verified) findings.check([&] { imported.emplace(*verified, request.types); });
  if (verified && request.naming.mapping)  // the bundle's own was checked in verification
    findings.check([&] {
      refuse_name_clashes(verified->metadata().images, *request.naming.mapping, ErrorCode::selection, clash_at_import);
    });
  if (imported && reached && request.dry_run)
    try_target(*verified, *imported, request, client, moves, findings, reporter);
  findings.conclude();
  const bundle::VerifiedBundle& bundle = *verified;
  const oci::Graph& graph = imported->graph();

  tell_missing(bundle.metadata().missing(), reporter);
  tell_files(bundle.metadata().images, request.naming, reporter);
  auto result = begin_result(bundle, *imported, request, reach);
  result->push.moves = std::move(moves);
  ShardWork work = work_for(request, *imported, result->naming);
  result->destinations = std::move(work.destinations);
  if (!request.dry_run) {
    const unsigned jobs = jobs_for(request, client);
    transfer::BundleSource source(bundle);
    transfer::RegistryTarget target(client, graph, reporter);
    transfer::CopyOptions options;
    options.jobs = jobs;
    options.existing = request.existing;
    options.before_blobs = [&] { check_types(*imported, result->destinations, client); };
    options.before_names = recording(state, bundle, request);
    options.base_advice = transfer::base_advice(bundle.metadata().base);
    options.shared = std::move(work.shared);
    result->push = transfer::copy(graph, result->destinations, source, target, options, reporter);
    result->push.manifests_sent = target.manifests_sent();
    for (auto& warning : loss_warnings(result->push, graph)) result->warnings.push_back(std::move(warning));
    if (request.prove_blobs) prove_blobs(client, bundle, graph, result->destinations, jobs, reporter);
  }
  reporter.detail(count_of(oci::documents_parsed(), "manifest") + " parsed");
  if (request.prove_blobs) result->held = blobs_held(graph, result->destinations);
  result->statistics = client.statistics();
  result->duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  // The images, which destinations point to, stay where they are.
  result->metadata = verified->take_metadata();
  imported->move_images_to(result->metadata.images);
  return result;
}

}  // namespace airlock::flow
