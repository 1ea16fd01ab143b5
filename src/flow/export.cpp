// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/export.hpp"

#include <map>
#include <set>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/writer.hpp"
#include "airlock/kubeone/paths.hpp"
#include "airlock/transfer/pace.hpp"
#include "airlock/transfer/pull.hpp"
#include "airlock/version.hpp"

namespace airlock::flow {

namespace {

/// Two images that would get the same name in the local registry cannot travel together, unless they are the same.
void refuse_name_clashes(const std::vector<bundle::Image>& images) {
  std::map<std::string, const bundle::Image*> by_path;
  for (const bundle::Image& image : images)
    for (const kubeone::TargetPath& path : kubeone::target_paths(image.source)) {
      const auto [other, added] = by_path.try_emplace(path.str(), &image);
      if (added || other->second->descriptor.digest == image.descriptor.digest) continue;
      throw Error(ErrorCode::selection, other->second->source.str() + " and " + image.source.str() +
                                            " are different images, but both become " + path.str() +
                                            " in the local registry")
          .hint("leave one out with --exclude, or make two bundles for two registry prefixes");
    }
}

bundle::Metadata make_metadata(const ExportRequest& request, const transfer::Resolution& resolution) {
  bundle::Metadata metadata;
  metadata.created = current_time();
  metadata.stream = request.stream;
  metadata.serial = request.serial.value_or(static_cast<std::uint64_t>(metadata.created.time_since_epoch().count()));
  metadata.expires = request.expires;
  metadata.selection = {request.set.kubeone,       request.set.filters,    request.set.kubernetes_versions,
                        request.platforms.words(), request.catalog_digest, std::string("airlock ") + version};
  metadata.images = resolution.images;
  metadata.blobs = resolution.blobs;
  return metadata;
}

/// A bundle that says of itself what verification would refuse must not be made.
bundle::Metadata checked(const bundle::Metadata& metadata) {
  constexpr std::uint64_t max_serial = (1ULL << 53) - 1;
  if (metadata.serial > max_serial)
    throw Error(ErrorCode::usage, "--serial " + std::to_string(metadata.serial) + " is larger than 2^53-1")
        .hint("choose a smaller serial; the default is the time in seconds");
  if (metadata.expires && *metadata.expires <= metadata.created)
    throw Error(ErrorCode::usage, "--expires " + format_time(*metadata.expires) + " is not after the bundle's creation")
        .hint("name a later time; the bundle carries the time of now, or of SOURCE_DATE_EPOCH");
  return bundle::Metadata::parse(metadata.format());
}

void check_request(const ExportRequest& request) {
  if (!is_plain_name(request.stream))
    throw Error(ErrorCode::usage, "\"" + request.stream + "\" cannot name a stream")
        .hint("use 1 to 64 letters, digits, dots, dashes and underscores");
  if (std::filesystem::exists(std::filesystem::symlink_status(request.output)))
    throw Error(ErrorCode::media, request.output.string() + " exists already")
        .hint("choose another name, or move the existing file away; airlock never overwrites");
  const auto directory = request.output.has_parent_path() ? request.output.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(directory))
    throw Error(ErrorCode::media, "the directory " + directory.string() + " for the bundle does not exist")
        .hint("make it first, or mount the medium");
}

std::set<std::string> registries_of(const catalog::ImageSet& set) {
  std::set<std::string> registries;
  for (const auto& [image, reason] : set.images) registries.insert(image.registry);
  return registries;
}

/// What both plan_export() and export_bundle() begin with.
struct Plan {
  transfer::Pace pace;
  transfer::Resolution resolution;
  bundle::Metadata metadata;
  bundle::Draft draft;
};

Plan make_plan(const ExportRequest& request, registry::Client& client, Reporter& reporter) {
  const auto pace = transfer::pace(client, registries_of(request.set), request.jobs);
  reporter.detail(count_of(pace.jobs, "request") + " at a time");
  auto resolution = transfer::resolve(client, request.set, {request.platforms, pace.jobs, request.referrers}, reporter);
  refuse_name_clashes(resolution.images);
  bundle::Metadata metadata = checked(make_metadata(request, resolution));
  bundle::Draft draft(metadata, resolution.documents);
  return {pace, std::move(resolution), std::move(metadata), std::move(draft)};
}

ExportResult summarize(const Plan& plan, const registry::Client& client) {
  ExportResult result;
  result.metadata = plan.metadata;
  result.blob_bytes = plan.resolution.bytes();
  result.shared_bytes = plan.resolution.shared_bytes;
  result.archive_size = plan.draft.total_size();
  result.sums_digest = oci::sha256(plan.draft.sums());
  result.statistics = client.statistics();
  return result;
}

}  // namespace

ExportResult plan_export(const ExportRequest& request, Reporter& reporter) {
  registry::Client client(request.client, reporter);
  const Plan plan = make_plan(request, client, reporter);
  return summarize(plan, client);
}

ExportResult export_bundle(const ExportRequest& request, const trust::PrivateKey& key, Reporter& reporter) {
  const auto started = std::chrono::steady_clock::now();
  const std::string signature_stem = bundle::signature_stem(request.signature_name);
  check_request(request);

  registry::Client client(request.client, reporter);
  const Plan plan = make_plan(request, client, reporter);
  reporter.note("writing " + request.output.string() + ", " + human_size(plan.draft.total_size()));

  bundle::Writer writer(request.output, plan.draft);
  transfer::pull(client, plan.resolution, writer, plan.pace.jobs, plan.pace.mode, reporter);
  reporter.note("flushing and signing");
  writer.finish(trust::sign(key, signature_stem, plan.draft.sums()));

  ExportResult result = summarize(plan, client);
  result.duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  return result;
}

}  // namespace airlock::flow
