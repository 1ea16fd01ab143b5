// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/writer.hpp"
#include "airlock/flow/naming.hpp"
#include "airlock/oci/graph_builder.hpp"
#include "airlock/transfer/bundle_ports.hpp"
#include "airlock/transfer/copy.hpp"
#include "airlock/version.hpp"
#include "flow/clashes.hpp"

namespace airlock::flow {

namespace {

using Bundles = std::vector<bundle::VerifiedBundle>;

std::vector<std::string> united(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> all = a;
  for (const std::string& word : b)
    if (std::find(all.begin(), all.end(), word) == all.end()) all.push_back(word);
  return all;
}

records::Selection merged_selection(const Bundles& bundles) {
  records::Selection selection = bundles.front().metadata().selection;
  for (const auto& other : bundles) {
    const records::Selection& more = other.metadata().selection;
    if (more.platforms != selection.platforms)
      throw Error(ErrorCode::selection, fmt::format("the bundles are for different platforms: {} and {}",
                                                    join(selection.platforms, ", "), join(more.platforms, ", ")))
          .hint("merge bundles that were exported with the same --platform");
    if (more.kubeone != selection.kubeone) selection.kubeone.clear();
    if (more.catalog_digest != selection.catalog_digest) selection.catalog_digest.clear();
    selection.filters = united(selection.filters, more.filters);
    selection.kubernetes_versions = united(selection.kubernetes_versions, more.kubernetes_versions);
  }
  selection.tool = std::string("airlock ") + version;
  return selection;
}

void unite_referrers(std::vector<records::Referrer>& into, const std::vector<records::Referrer>& more) {
  std::map<oci::Digest, records::Referrer> all;
  for (const records::Referrer& referrer : into) all.emplace(referrer.descriptor.digest, referrer);
  for (const records::Referrer& referrer : more) all.emplace(referrer.descriptor.digest, referrer);
  into.clear();
  for (auto& [digest, referrer] : all) into.push_back(std::move(referrer));
}

/// What expires with one of them expires with all.
std::optional<Time> earliest_expiry(const Bundles& bundles) {
  std::optional<Time> earliest;
  for (const auto& bundle : bundles)
    if (const auto& expires = bundle.metadata().expires; expires && (!earliest || *expires < *earliest))
      earliest = expires;
  return earliest;
}

Time oldest(const Bundles& bundles) {
  Time time = bundles.front().metadata().created;
  for (const auto& bundle : bundles) time = std::min(time, bundle.metadata().created);
  return time;
}

std::vector<records::Image> merged_images(const Bundles& bundles) {
  std::map<oci::Reference, records::Image> images;
  for (const auto& bundle : bundles)
    for (const records::Image& image : bundle.metadata().images) {
      const auto [known, is_new] = images.try_emplace(image.source, image);
      if (is_new) continue;
      if (known->second.descriptor.digest != image.descriptor.digest)
        throw Error(ErrorCode::selection,
                    fmt::format("{} is {} in one bundle and {} in another", image.source.str(),
                                known->second.descriptor.digest.str(), image.descriptor.digest.str()))
            .hint("leave one of the bundles out, or export the images anew");
      known->second.components = united(known->second.components, image.components);
      known->second.groups = united(known->second.groups, image.groups);
      known->second.whole = known->second.whole || image.whole;
      unite_referrers(known->second.referrers, image.referrers);
    }
  std::vector<records::Image> all;
  for (auto& [source, image] : images) all.push_back(std::move(image));
  return all;
}

/// What one of them lacks, and no other has.
std::vector<bundle::Missing> still_missing(const Bundles& bundles, const std::vector<records::Image>& images) {
  std::map<oci::Reference, bundle::Missing> missing;
  for (const auto& bundle : bundles)
    for (bundle::Missing& one : bundle.metadata().missing()) missing.emplace(one.source, std::move(one));
  for (const records::Image& image : images) missing.erase(image.source);
  std::vector<bundle::Missing> list;
  for (auto& [source, one] : missing) list.push_back(std::move(one));
  return list;
}

kubeone::NameMapping common_mapping(const Bundles& bundles) {
  const auto mapping = [](const bundle::VerifiedBundle& bundle) {
    return NamingRequest().of(bundle.metadata()).mapping;
  };
  for (const auto& bundle : bundles)
    if (mapping(bundle).rules() != mapping(bundles.front()).rules())
      throw Error(ErrorCode::selection, "the bundles were made for different mappings of names (--map)")
          .hint("merge bundles that were exported with the same --map");
  return mapping(bundles.front());
}

struct Merged {
  bundle::Metadata metadata;
  oci::Graph graph;
};

std::string common_stream(const MergeRequest& request, const Bundles& bundles) {
  if (!request.stream.empty()) return request.stream;
  for (const auto& bundle : bundles)
    if (bundle.metadata().stream != bundles.front().metadata().stream)
      throw Error(ErrorCode::usage, fmt::format("the bundles are of different streams: {} and {}",
                                                bundles.front().metadata().stream, bundle.metadata().stream))
          .hint("name the new bundle's stream with --stream");
  return bundles.front().metadata().stream;
}

/// What the bundles carry together.
class BundlesSource {
 public:
  explicit BundlesSource(const Bundles& bundles) {
    for (const auto& bundle : bundles) {
      sources_.push_back(std::make_unique<transfer::BundleSource>(bundle));
      for (const records::Blob& blob : bundle.metadata().blobs) all_.add(blob.digest, *sources_.back());
    }
  }
  transfer::UnionSource& all() { return all_; }

 private:
  std::vector<std::unique_ptr<transfer::BundleSource>> sources_;
  transfer::UnionSource all_;
};

oci::Graph united_graph(const bundle::Metadata& metadata, transfer::Source& source) {
  oci::GraphBuilder builder({oci::PlatformSelection::parse(metadata.selection.platforms), Side::bundle,
                             "get the bundles again from their exporters, or ask how they came about",
                             records::whole_of(metadata.images)});
  const auto fetch = [&](const oci::Digest& digest) { return source.document(digest); };
  for (const records::Image& image : metadata.images) records::add_to_graph(builder, image, fetch);
  return builder.take();
}

Merged plan(const MergeRequest& request, const Bundles& bundles, transfer::Source& source) {
  Merged merged;
  bundle::Metadata& metadata = merged.metadata;
  metadata.created = current_time();
  metadata.stream = common_stream(request, bundles);
  metadata.serial = request.serial.value_or(static_cast<std::uint64_t>(metadata.created.time_since_epoch().count()));
  metadata.expires = earliest_expiry(bundles);
  if (metadata.expires && *metadata.expires <= metadata.created)
    throw Error(ErrorCode::policy, fmt::format("one of the bundles expired on {}, so the merged one would have",
                                               format_time(*metadata.expires)))
        .hint("leave it out, or have it exported anew");
  metadata.selection = merged_selection(bundles);
  metadata.images = merged_images(bundles);
  metadata.set_missing(still_missing(bundles, metadata.images));
  metadata.set_mapping_rules(common_mapping(bundles).rules());
  refuse_name_clashes(metadata.images, common_mapping(bundles), ErrorCode::selection, clash_at_export);
  merged.graph = united_graph(metadata, source);
  for (const oci::Node* node : merged.graph.closure(records::roots_of(metadata.images))) {
    const bool carried = node->is_document() || source.has(*node);
    (carried ? metadata.blobs : metadata.base.blobs).push_back({node->digest, node->size, node->media_type});
  }
  if (!metadata.base.blobs.empty())
    for (const auto& bundle : bundles)
      for (const auto& base : bundle.metadata().base.sources) metadata.base.sources.push_back(base);
  return merged;
}

void copy_blobs(const Merged& merged, transfer::Source& source, bundle::Writer& writer, unsigned jobs,
                Reporter& reporter) {
  std::vector<transfer::Destination> destinations;
  for (const records::Image& image : merged.metadata.images)
    destinations.push_back({&image, {image.source.registry, image.source.repository}, std::nullopt});
  transfer::BundleTarget target(writer, transfer::PullMode::whole_blobs, "merging", reporter);
  transfer::CopyOptions options;
  options.jobs = jobs;
  transfer::copy(merged.graph, destinations, source, target, options, reporter);
}

}  // namespace

MergeResult merge_bundles(const MergeRequest& request, const trust::Policy& policy, const trust::PrivateKey& key,
                          Reporter& reporter) {
  const std::string stem = bundle::signature_stem(request.signature_name);
  Bundles bundles;
  for (const auto& path : request.bundles) {
    VerifyRequest verify = request.verify;
    verify.bundle = path;
    verify.blobs = bundle::BlobCheck::on_read;  // each is hashed as it is copied
    bundles.push_back(verify_bundle(verify, policy, reporter));
  }
  BundlesSource sources(bundles);
  const Merged merged = plan(request, bundles, sources.all());
  reporter.note(fmt::format("the merged bundle is as old as this moment; the oldest of its parts was made on {}{}",
                            format_time(oldest(bundles)),
                            merged.metadata.expires
                                ? ". It expires with the first of them, on " + format_time(*merged.metadata.expires)
                                : ""));
  bundle::Draft draft(bundle::Metadata::parse(merged.metadata.format()), merged.graph);
  bundle::Writer writer(request.output, draft, request.volumes);
  writer.give_up();  // unless it is finished: the bundles are here, so that there is nothing to save
  copy_blobs(merged, sources.all(), writer, request.verify.jobs, reporter);
  writer.finish(trust::sign(key, stem, draft.sums()));
  const std::uint64_t size = draft.total_size();
  const oci::Digest sums_digest = draft.sums_digest();
  return {draft.take_metadata(), size, sums_digest};
}

void split_bundle(const std::filesystem::path& bundle, const bundle::VolumePlaces& places,
                  const std::filesystem::path& output, const bundle::VolumeOptions& volumes, Reporter& reporter) {
  constexpr std::size_t piece_size = 1U << 20;
  const std::shared_ptr<const bundle::ReadableMedium> from = bundle::open_medium(bundle, places);
  const bundle::Archive whole(from);  // a copy of half a bundle would look finished
  const auto to = bundle::create_medium(output, from->size(), volumes);
  std::string buffer(std::min<std::uint64_t>(piece_size, from->size()), '\0');
  reporter.begin("copying", from->size(), 1);
  to->discard();  // unless it is committed
  for (std::uint64_t at = 0; at < from->size();) {
    const std::span<char> piece(buffer.data(), std::min<std::uint64_t>(buffer.size(), from->size() - at));
    from->read(at, piece);
    to->write(at, {piece.data(), piece.size()});
    to->write_back(at, piece.size());
    reporter.advance(piece.size());
    at += piece.size();
    throw_if_interrupted();
  }
  reporter.item_done();
  reporter.end();
  to->sync();
  to->commit();
}

}  // namespace airlock::flow
