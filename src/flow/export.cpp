// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/findings.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/writer.hpp"
#include "airlock/flow/missing.hpp"
#include "airlock/flow/verify.hpp"
#include "airlock/transfer/copy.hpp"
#include "airlock/transfer/pace.hpp"
#include "airlock/transfer/registry_ports.hpp"
#include "airlock/version.hpp"
#include "flow/clashes.hpp"
#include "flow/shortened.hpp"

namespace airlock::flow {

namespace {

records::Selection selection_of(const ExportRequest& request) {
  return {request.set.kubeone,       request.set.filters,    request.set.kubernetes_versions,
          request.platforms.words(), request.catalog_digest, std::string("airlock ") + version};
}

/// Time and serial are this machine's and this run's, also where it resumes what an earlier one left.
bundle::Metadata make_metadata(const ExportRequest& request, std::vector<records::Image> images,
                               const std::vector<bundle::Missing>& missing, const oci::Graph& graph) {
  bundle::Metadata metadata;
  metadata.set_missing(missing);
  metadata.set_mapping_rules(request.mapping.rules());
  metadata.created = current_time();
  metadata.stream = request.stream;
  metadata.serial = request.serial.value_or(static_cast<std::uint64_t>(metadata.created.time_since_epoch().count()));
  metadata.expires = request.expires;
  metadata.selection = selection_of(request);
  metadata.images = std::move(images);
  const oci::Nodes nodes = graph.closure(records::roots_of(metadata.images));
  metadata.blobs.reserve(nodes.size());
  for (const oci::Node* node : nodes) {
    const bool there = !node->is_document() &&
                       std::any_of(request.since.begin(), request.since.end(),
                                   [&](const auto& inventory) { return inventory.blobs.contains(node->digest); });
    (there ? metadata.base.blobs : metadata.blobs).push_back({node->digest, node->size, node->media_type});
  }
  if (metadata.base.blobs.empty()) return metadata;
  for (const records::Inventory& inventory : request.since)
    metadata.base.sources.push_back({inventory.kind, inventory.bundle, inventory.stream, inventory.serial});
  return metadata;
}

/// A bundle that says of itself what verification would refuse must not be made.
bundle::Metadata checked(bundle::Metadata metadata) {
  constexpr std::uint64_t max_serial = (1ULL << 53) - 1;
  if (metadata.serial > max_serial)
    throw Error(ErrorCode::usage, fmt::format("--serial {} is larger than 2^53-1", metadata.serial))
        .hint("choose a smaller serial; the default is the time in seconds");
  if (metadata.expires && *metadata.expires <= metadata.created)
    throw Error(ErrorCode::usage,
                fmt::format("--expires {} is not after the bundle's creation", format_time(*metadata.expires)))
        .hint("name a later time; the bundle carries the time of now, or of SOURCE_DATE_EPOCH");
  const std::string text = metadata.format();
  metadata = {};  // text and content of thousands of images are megabytes each
  return bundle::Metadata::parse(text);
}

void check_request(const ExportRequest& request) {
  check_stream(request.stream);
  if (request.output.empty()) return;  // a dry run that is not about a place
  for (const auto& name : {request.output, bundle::volume_path(request.output, 1)})
    if (std::filesystem::exists(std::filesystem::symlink_status(name)))
      throw Error(ErrorCode::media, name.string() + " exists already")
          .hint("choose another name, or move the existing file away; airlock never overwrites");
  const auto directory = request.output.has_parent_path() ? request.output.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(directory))
    throw Error(ErrorCode::media, fmt::format("the directory {} for the bundle does not exist", directory.string()))
        .hint("make it first, or mount the medium");
}

std::set<oci::Registry> registries_of(const ExportRequest& request) {
  std::set<oci::Registry> registries;
  for (const auto& [image, reason] : request.set.images)
    if (request.made.find(image) == nullptr) registries.insert(image.registry);
  return registries;
}

/// What both plan_export() and export_bundle() begin with.
struct Plan {
  std::optional<records::JournalRecord> left;  // by an earlier run of the same plan
  transfer::Pace pace;
  oci::Graph graph;
  std::uint64_t unshared_bytes = 0;  // transfer::Resolution::unshared_bytes
  bundle::Draft draft;
  const bundle::Metadata& metadata() const { return draft.metadata(); }
};

transfer::ResolveOptions resolve_options(const ExportRequest& request, const transfer::Pace& pace) {
  const auto pinned = request.target == TargetKind::strict ? transfer::Pinned::whole : transfer::Pinned::filter;
  return {request.platforms,
          pace.jobs,
          request.referrers,
          request.allow_missing_referrers,
          request.pinned.value_or(pinned),
          request.lock ? request.lock->pins() : records::Pins{},
          request.missing,
          &request.made};
}

/// The exporter knows already what a strict registry inside will cost, and only here can it be avoided.
void warn_of_losses(const ExportRequest& request, const transfer::Resolution& resolution, Reporter& reporter) {
  if (request.target == TargetKind::sparse) return;
  const auto lost = what_is_lost(incomplete_images(resolution.images, resolution.graph), resolution.graph);
  if (lost.empty()) return;
  reporter.warning(fmt::format(
      "registries that refuse indexes without all their platforms (distribution, docker-registry and zot by "
      "default) get shortened ones with other digests, to which this does not apply any more:\n  {}\n"
      "--platform all avoids it; --for-registry sparse says that the registry takes them as they are",
      join(lost, "\n  ")));
}

Plan make_plan(const ExportRequest& request, registry::Client& client, Reporter& reporter) {
  const auto pace = transfer::pace(client, registries_of(request), request.jobs);
  reporter.detail(count_of(pace.jobs, "request") + " at a time");
  auto resolution = transfer::resolve(client, request.set, resolve_options(request, pace), reporter);
  if (request.lock)  // what was left out when it was resolved is left out still
    resolution.missing.insert(resolution.missing.end(), request.lock->missing.begin(), request.lock->missing.end());
  warn_of_losses(request, resolution, reporter);
  tell_missing(resolution.missing, reporter);
  refuse_name_clashes(resolution.images, request.mapping, ErrorCode::selection, clash_at_export);
  // The graph moves; its nodes, which the draft knows, stay where they are.
  bundle::Draft draft(
      checked(make_metadata(request, std::move(resolution.images), resolution.missing, resolution.graph)),
      resolution.graph);
  auto left = request.output.empty() ? std::nullopt : records::read_journal(request.output);
  if (left && !bundle::can_resume(*left, draft, request.volumes)) {
    reporter.note(fmt::format(
        "what an earlier run left beside {} was for other images, or upstream has changed them: starting over",
        request.output.string()));
    left.reset();
  }
  return {std::move(left), pace, std::move(resolution.graph), resolution.unshared_bytes, std::move(draft)};
}

/// All that may be wrong is found out before bytes move, and said at once.
Plan make_checked_plan(const ExportRequest& request, registry::Client& client, Reporter& reporter) {
  Findings findings;
  findings.check([&] { check_request(request); });
  std::optional<Plan> plan;
  findings.check([&] { plan.emplace(make_plan(request, client, reporter)); });
  if (plan && findings.empty() && !request.output.empty())
    findings.check([&] {
      bundle::check_room(request.output, plan->draft.total_size(), request.volumes,
                         plan->left ? bundle::Leftovers::use : bundle::Leftovers::discard);
    });
  findings.conclude();
  return std::move(*plan);
}

ExportResult summarize(Plan plan, const registry::Client& client) {
  ExportResult result;
  result.archive_size = plan.draft.total_size();
  result.sums_digest = plan.draft.sums_digest();
  result.metadata = plan.draft.take_metadata();
  for (const records::Blob& blob : result.metadata.blobs) result.blob_bytes += blob.size;
  for (const records::Blob& blob : result.metadata.base.blobs) result.base_bytes += blob.size;
  result.shared_bytes = plan.unshared_bytes - result.blob_bytes - result.base_bytes;
  result.statistics = client.statistics();
  return result;
}

/// An image without an index says in its config only what it is for.
transfer::BundleTarget::SeeConfig platform_check(const ExportRequest& request,
                                                 const std::vector<records::Image>& images, const oci::Graph& graph,
                                                 Reporter& reporter) {
  std::map<oci::Digest, std::string> singles;
  for (const records::Image& image : images)
    if (const auto& config = graph.at(image.descriptor.digest).content->config)
      singles.emplace(config->to->digest, image.source.str());
  return [=, &request, &reporter](const oci::Node& node, const oci::ImageConfig& config) {
    const auto image = singles.find(node.digest);
    if (image == singles.end() || !config.platform || request.platforms.wants(*config.platform)) return;
    reporter.warning(fmt::format("{} is for {} only, not for {}: it is taken as it is", image->second,
                                 config.platform->str(), join(request.platforms.words(), ", ")));
  };
}

/// Each image from its own repository.
void copy_blobs(const Plan& plan, const ExportRequest& request, registry::Client& client, bundle::Writer& writer,
                Reporter& reporter) {
  const std::vector<records::Image>& images = plan.metadata().images;
  std::vector<transfer::Destination> destinations;
  for (const records::Image& image : images)
    destinations.push_back({&image, {image.source.registry, image.source.repository}, std::nullopt});
  transfer::ImageSetSource source(client, plan.graph, images, request.made);
  transfer::BundleTarget target(writer, plan.pace.mode, "pulling", reporter,
                                platform_check(request, images, plan.graph, reporter));
  transfer::CopyOptions options;
  options.jobs = plan.pace.jobs;
  transfer::copy(plan.graph, destinations, source, target, options, reporter);
}

struct Signer {
  const trust::PrivateKey& key;
  std::string stem;
};

void write_bundle(const ExportRequest& request, Plan& plan, const Signer& signer, registry::Client& client,
                  Reporter& reporter) {
  reporter.note(fmt::format("writing {}, {}", request.output.string(), human_size(plan.draft.total_size())));
  bundle::Writer writer(request.output, plan.draft, request.volumes, plan.left);
  plan.graph.forget_bytes();  // the writer has written them
  try {
    const auto left = writer.recover(request.hash_jobs, reporter);
    if (left.whole + left.begun > 0)
      reporter.note(
          fmt::format("{} are there from an earlier run{}", human_size(left.whole + left.begun),
                      left.begun == 0 ? "" : fmt::format(", {} of them of blobs that resume", human_size(left.begun))));
    copy_blobs(plan, request, client, writer, reporter);
  } catch (const Error&) {
    if (writer.leaves_something())
      reporter.note(
          fmt::format("what was downloaded up to the first gap of each blob is kept in {}*.partial; the same command "
                      "resumes from there",
                      request.output.string()));
    throw;
  }
  reporter.note("flushing and signing");
  writer.finish(trust::sign(signer.key, signer.stem, plan.draft.sums()));
}

/// Every byte once more, from the medium.
void read_back(const ExportRequest& request, const trust::PrivateKey& key, Reporter& reporter) {
  VerifyRequest verify;
  verify.bundle = request.output;
  verify.volumes = request.volumes.places;
  verify.jobs = request.hash_jobs;
  verify.past_cache = true;
  verify.keep_documents = false;
  verify_bundle(verify, trust::Policy::single_key(request.signature_name, key.public_key()), {}, reporter);
}

}  // namespace

void check_stream(const std::string& name) {
  if (is_plain_name(name)) return;
  throw Error(ErrorCode::usage, fmt::format("\"{}\" cannot name a stream", printable(name, 80)))
      .hint("use 1 to 64 letters, digits, dots, dashes and underscores");
}

records::Lock resolve_lock(const ExportRequest& request, Reporter& reporter) {
  registry::Client client(request.client, reporter);
  const auto pace = transfer::pace(client, registries_of(request), request.jobs);
  const auto resolution = transfer::resolve(client, request.set, resolve_options(request, pace), reporter);
  tell_missing(resolution.missing, reporter);
  refuse_name_clashes(resolution.images, request.mapping, ErrorCode::selection, clash_at_export);
  return records::Lock::of(resolution.images, resolution.missing, resolution.graph, selection_of(request));
}

ExportResult plan_export(const ExportRequest& request, Reporter& reporter) {
  registry::Client client(request.client, reporter);
  return summarize(make_checked_plan(request, client, reporter), client);
}

ExportResult export_bundle(const ExportRequest& request, const trust::PrivateKey& key, Reporter& reporter) {
  const auto started = std::chrono::steady_clock::now();
  const std::string signature_stem = bundle::signature_stem(request.signature_name);

  registry::Client client(request.client, reporter);
  Plan plan = make_checked_plan(request, client, reporter);
  write_bundle(request, plan, {key, signature_stem}, client, reporter);
  ExportResult result = summarize(std::move(plan), client);  // the graph is gone when the bundle is read back
  if (request.read_back) read_back(request, key, reporter);

  reporter.detail(count_of(oci::documents_parsed(), "manifest") + " parsed");
  result.duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  return result;
}

}  // namespace airlock::flow
