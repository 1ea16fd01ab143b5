// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/merge.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/writer.hpp"
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

bundle::Selection merged_selection(const Bundles& bundles) {
  bundle::Selection selection = bundles.front().metadata().selection;
  for (const auto& other : bundles) {
    const bundle::Selection& more = other.metadata().selection;
    if (more.platforms != selection.platforms)
      throw Error(ErrorCode::selection, "the bundles are for different platforms: " + join(selection.platforms, ", ") +
                                            " and " + join(more.platforms, ", "))
          .hint("merge bundles that were exported with the same --platform");
    if (more.kubeone != selection.kubeone) selection.kubeone.clear();
    if (more.catalog_digest != selection.catalog_digest) selection.catalog_digest.clear();
    selection.filters = united(selection.filters, more.filters);
    selection.kubernetes_versions = united(selection.kubernetes_versions, more.kubernetes_versions);
  }
  selection.tool = std::string("airlock ") + version;
  return selection;
}

void unite_referrers(std::vector<bundle::Referrer>& into, const std::vector<bundle::Referrer>& more) {
  std::map<oci::Digest, bundle::Referrer> all;
  for (const bundle::Referrer& referrer : into) all.emplace(referrer.descriptor.digest, referrer);
  for (const bundle::Referrer& referrer : more) all.emplace(referrer.descriptor.digest, referrer);
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

std::vector<bundle::Image> merged_images(const Bundles& bundles) {
  std::map<oci::Reference, bundle::Image> images;
  for (const auto& bundle : bundles)
    for (const bundle::Image& image : bundle.metadata().images) {
      const auto [known, is_new] = images.try_emplace(image.source, image);
      if (is_new) continue;
      if (known->second.descriptor.digest != image.descriptor.digest)
        throw Error(ErrorCode::selection, image.source.str() + " is " + known->second.descriptor.digest.str() +
                                              " in one bundle and " + image.descriptor.digest.str() + " in another")
            .hint("leave one of the bundles out, or export the images anew");
      known->second.components = united(known->second.components, image.components);
      known->second.groups = united(known->second.groups, image.groups);
      unite_referrers(known->second.referrers, image.referrers);
    }
  std::vector<bundle::Image> all;
  for (auto& [source, image] : images) all.push_back(std::move(image));
  return all;
}

struct Merged {
  bundle::Metadata metadata;
  std::map<oci::Digest, std::string> documents;
  std::map<oci::Digest, const bundle::VerifiedBundle*> carriers;  // of blobs that are no documents
};

std::string common_stream(const MergeRequest& request, const Bundles& bundles) {
  if (!request.stream.empty()) return request.stream;
  for (const auto& bundle : bundles)
    if (bundle.metadata().stream != bundles.front().metadata().stream)
      throw Error(ErrorCode::usage, "the bundles are of different streams: " + bundles.front().metadata().stream +
                                        " and " + bundle.metadata().stream)
          .hint("name the new bundle's stream with --stream");
  return bundles.front().metadata().stream;
}

Merged plan(const MergeRequest& request, const Bundles& bundles) {
  Merged merged;
  bundle::Metadata& metadata = merged.metadata;
  metadata.created = current_time();
  metadata.stream = common_stream(request, bundles);
  metadata.serial = request.serial.value_or(static_cast<std::uint64_t>(metadata.created.time_since_epoch().count()));
  metadata.expires = earliest_expiry(bundles);
  if (metadata.expires && *metadata.expires <= metadata.created)
    throw Error(ErrorCode::policy,
                "one of the bundles expired on " + format_time(*metadata.expires) + ", so the merged one would have")
        .hint("leave it out, or have it exported anew");
  metadata.selection = merged_selection(bundles);
  metadata.images = merged_images(bundles);
  refuse_name_clashes(metadata.images, ErrorCode::selection, clash_at_export);
  for (const auto& bundle : bundles)
    for (const bundle::Blob& blob : bundle.metadata().blobs)
      if (bundle.has_document(blob.digest)) merged.documents.emplace(blob.digest, bundle.document(blob.digest));
  bundle::Closure closure;
  const auto platforms = oci::PlatformSelection::parse(metadata.selection.platforms);
  for (const bundle::Image& image : metadata.images)
    closure.add(image, platforms, [&](const oci::Descriptor& descriptor) -> std::string_view {
      return merged.documents.at(descriptor.digest);
    });
  std::map<oci::Digest, const bundle::VerifiedBundle*> carriers;
  for (const auto& bundle : bundles)
    for (const bundle::Blob& blob : bundle.metadata().blobs) carriers.emplace(blob.digest, &bundle);
  for (const bundle::Blob& blob : closure.ordered()) {
    if (merged.documents.contains(blob.digest)) {
      metadata.blobs.push_back(blob);
      continue;
    }
    const auto carrier = carriers.find(blob.digest);
    (carrier == carriers.end() ? metadata.base.blobs : metadata.blobs).push_back(blob);
    if (carrier != carriers.end()) merged.carriers.emplace(*carrier);
  }
  if (!metadata.base.blobs.empty())
    for (const auto& bundle : bundles)
      for (const auto& source : bundle.metadata().base.sources) metadata.base.sources.push_back(source);
  return merged;
}

void copy_blobs(const Merged& merged, bundle::Writer& writer, Reporter& reporter) {
  std::uint64_t bytes = 0;
  for (const bundle::Blob& blob : merged.metadata.blobs) bytes += merged.carriers.contains(blob.digest) ? blob.size : 0;
  reporter.begin("merging", bytes, merged.carriers.size());
  for (const auto& [digest, carrier] : merged.carriers) {
    if (!writer.has(digest)) {
      auto reader = carrier->open_blob(digest);
      auto blob = writer.open_blob(digest, bundle::Writer::Start::afresh);
      for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) {
        blob.write(piece);
        reporter.advance(piece.size());
      }
      if (!blob.finish()) throw Error(ErrorCode::internal, "blob " + digest.str() + " changed on its way");
    }
    reporter.item_done();
  }
  reporter.end();
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
  const Merged merged = plan(request, bundles);
  reporter.note("the merged bundle is as old as this moment; the oldest of its parts was made on " +
                format_time(oldest(bundles)) +
                (merged.metadata.expires
                     ? ". It expires with the first of them, on " + format_time(*merged.metadata.expires)
                     : std::string()));
  const auto metadata = bundle::Metadata::parse(merged.metadata.format());
  const bundle::Draft draft(metadata, merged.documents);
  bundle::Writer writer(request.output, draft, request.volumes);
  writer.give_up();  // unless it is finished: the bundles are here, so that there is nothing to save
  copy_blobs(merged, writer, reporter);
  writer.finish(trust::sign(key, stem, draft.sums()));
  return {metadata, draft.total_size(), oci::sha256(draft.sums())};
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
