// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/oci/graph_builder.hpp"

namespace airlock::bundle {

namespace {

constexpr std::size_t max_metadata_size = 64U << 20;
constexpr std::size_t read_step = 256U << 10;

constexpr const char* advice = "do not use this bundle; get it again from its exporter, or ask how it came about";

[[noreturn]] void refuse_bundle(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, why).hint(advice);
}

/// The parsers below know what is wrong, but not what that means for whoever holds the bundle.
template <typename Action>
auto with_advice(Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (Error& error) {
    if (error.code() == ErrorCode::format) error.hint(advice);
    throw;
  }
}

/// The entries are exactly what SHA256SUMS lists, and every blob is listed under its own digest.
void check_listing(const Archive& archive, const Sums& sums) {
  const std::set<std::string> present(archive.names().begin(), archive.names().end());
  for (const std::string& name : archive.names())
    if (!sums.contains(name)) refuse_bundle(name + " is not listed in SHA256SUMS");
  for (const auto& [name, digest] : sums) {
    if (!present.contains(name)) refuse_bundle(name + " is listed in SHA256SUMS but missing");
    const bool blob = name.starts_with(blob_directory);
    if (!blob && name != "bundle.json" && name != "oci-layout" && name != "index.json")
      refuse_bundle(name + " does not belong into a bundle");
    if (blob && name != blob_name(digest))
      refuse_bundle(fmt::format("{} is listed with another digest, {}", name, digest.str()));
  }
}

/// Reads a small entry once and compares it with its sum; what is parsed is what was hashed.
std::string read_listed(const Archive& archive, const Sums& sums, const std::string& name, std::size_t limit) {
  if (!sums.contains(name)) refuse_bundle(name + " is missing");
  std::string content = archive.read(name, limit);
  if (oci::sha256(content) != sums.at(name)) refuse_bundle(name + ": its content differs from SHA256SUMS");
  return content;
}

Metadata read_metadata(const Archive& archive, const Sums& sums) {
  Metadata metadata = Metadata::parse(read_listed(archive, sums, "bundle.json", max_metadata_size));
  if (read_listed(archive, sums, "oci-layout", 1024) != oci_layout_content)
    refuse_bundle("oci-layout: not the layout version 1.0.0 in its one form");
  if (read_listed(archive, sums, "index.json", max_metadata_size) != format_index(metadata.images))
    refuse_bundle("index.json does not list the images of bundle.json");
  return metadata;
}

trust::Claims claims_of(const Metadata& metadata) {
  trust::Claims claims{metadata.stream, metadata.serial, metadata.created, metadata.expires, {}};
  for (const records::Image& image : metadata.images) claims.sources.push_back(image.source.str());
  return claims;
}

bool is_document(const records::Blob& blob) {
  return oci::media_type::is_manifest(blob.media_type) || oci::media_type::is_index(blob.media_type);
}

/// Every manifest is read, hashed and parsed once; what follows asks the graph.
oci::Graph build_graph(const Archive& archive, const Sums& sums, const Metadata& metadata) {
  std::map<oci::Digest, std::string> types;
  for (const records::Blob& blob : metadata.blobs)
    if (is_document(blob)) types.emplace(blob.digest, blob.media_type);
  const auto fetch = [&](const oci::Digest& digest) -> std::optional<oci::RawDocument> {
    const auto type = types.find(digest);
    if (type == types.end()) return std::nullopt;
    return oci::RawDocument{type->second, read_listed(archive, sums, blob_name(digest), oci::max_manifest_size),
                            digest};
  };
  oci::GraphBuilder builder({oci::PlatformSelection::parse(metadata.selection.platforms), Side::bundle, advice,
                             records::whole_of(metadata.images)});
  for (const records::Image& image : metadata.images)
    within([&] { return "image " + image.source.str(); }, [&] { records::add_to_graph(builder, image, fetch); });
  return builder.take();
}

/// A delta leaves out layers and configs only, and nothing that it carries.
void check_base(const Metadata& metadata) {
  const std::set<records::Blob> carried(metadata.blobs.begin(), metadata.blobs.end());
  for (const records::Blob& blob : metadata.base.blobs) {
    if (carried.contains(blob))
      refuse_bundle(fmt::format("blob {} is both carried and left to the base", blob.digest.str()));
    if (is_document(blob))
      refuse_bundle(
          fmt::format("manifest {} is left to the base, but every bundle carries its manifests", blob.digest.str()));
  }
}

/// What the images reach is what bundle.json lists is what the archive holds, in that order.
void check_closure(const Archive& archive, const Metadata& metadata, const oci::Graph& graph) {
  const auto expected = records::blobs_of(graph.closure(records::roots_of(metadata.images)));
  const std::set<records::Blob> reached(expected.begin(), expected.end());
  std::set<records::Blob> listed(metadata.blobs.begin(), metadata.blobs.end());
  std::vector<records::Blob> carried;
  listed.insert(metadata.base.blobs.begin(), metadata.base.blobs.end());
  const std::set<records::Blob> in_base(metadata.base.blobs.begin(), metadata.base.blobs.end());
  std::copy_if(expected.begin(), expected.end(), std::back_inserter(carried),
               [&](const records::Blob& blob) { return !in_base.contains(blob); });
  for (const records::Blob& blob : reached)
    if (!listed.contains(blob))
      refuse_bundle(fmt::format("blob {} belongs to an image but bundle.json does not list it so", blob.digest.str()));
  for (const records::Blob& blob : listed)
    if (!reached.contains(blob))
      refuse_bundle(fmt::format("blob {} is listed in bundle.json but no image needs it", blob.digest.str()));
  if (carried != metadata.blobs) refuse_bundle("bundle.json: blobs are not in order, or one appears twice");

  std::vector<std::string> names{"bundle.json", "oci-layout", "index.json"};
  for (const records::Blob& blob : carried) names.push_back(blob_name(blob.digest));
  if (names == archive.names()) return;
  const std::set<std::string> wanted(names.begin(), names.end());
  for (const std::string& name : archive.names())
    if (!wanted.contains(name)) refuse_bundle(name + ": no image needs it");
  const std::set<std::string> present(archive.names().begin(), archive.names().end());
  for (const std::string& name : names)
    if (!present.contains(name)) refuse_bundle(name + " is missing");
  refuse_bundle("the entries are not in the order of the bundle format");
}

/// What a node does with an image stands in its config; all programs have to read the same there.
void check_configs(const VerifiedBundle& bundle, unsigned jobs) {
  std::vector<records::Blob> configs;
  for (const records::Blob& blob : bundle.metadata().blobs)
    if (oci::media_type::is_image_config(blob.media_type)) configs.push_back(blob);
  run_parallel(configs.size(), jobs, [&](std::size_t i) { bundle.config(configs[i].digest); });
}

void check_blobs(const VerifiedBundle& bundle, const Archive& archive, const VerifyOptions& options,
                 Reporter& reporter) {
  std::vector<records::Blob> blobs;
  std::uint64_t bytes = 0;
  for (const records::Blob& blob : bundle.metadata().blobs) {
    if (archive.extent_of(blob_name(blob.digest)).size != blob.size)
      refuse_bundle(fmt::format("blob {} has {} bytes, its descriptor says {}", blob.digest.str(),
                                archive.extent_of(blob_name(blob.digest)).size, blob.size));
    if (bundle.graph().at(blob.digest).is_document()) continue;  // hashed when it was read
    blobs.push_back(blob);
    bytes += blob.size;
  }
  if (options.blobs == BlobCheck::on_read) return;
  // Largest first, so that no thread starts on the largest when the others are done.
  std::sort(blobs.begin(), blobs.end(), [](const records::Blob& a, const records::Blob& b) { return a.size > b.size; });
  reporter.begin("verifying", bytes, blobs.size());
  run_parallel(blobs.size(), options.jobs, [&](std::size_t i) {
    BlobReader reader = bundle.open_blob(blobs[i].digest);
    for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) reporter.advance(piece.size());
    reporter.item_done();
  });
  reporter.end();
}

}  // namespace

BlobReader::BlobReader(const ReadableMedium& medium, const oci::Digest& digest, Archive::Extent extent)
    : medium_(&medium), digest_(digest), extent_(extent) {
  buffer_.resize(std::min<std::uint64_t>(read_step, extent.size));
}

std::string_view BlobReader::next() {
  const std::uint64_t left = extent_.size - done_;
  const std::span<char> piece(buffer_.data(), std::min<std::uint64_t>(left, buffer_.size()));
  if (left > 0) {
    medium_->read(extent_.offset + done_, piece);
    hash_.update({piece.data(), piece.size()});
    done_ += piece.size();
  } else if (extent_.size > 0) {
    return {};
  }
  if (done_ == extent_.size) {
    const oci::Digest actual = hash_.finish();
    if (actual != digest_)
      throw Error(ErrorCode::format, Side::bundle,
                  fmt::format("blob {}: its content has the digest {}{}", digest_.str(), actual.str(),
                              medium_->where(extent_.offset, extent_.size)))
          .hint("the medium returned other bytes than were written; copy the bundle again or use another medium");
  }
  return {piece.data(), piece.size()};
}

BlobReader VerifiedBundle::open_blob(const oci::Digest& digest) const {
  return {archive_->medium(), digest, archive_->extent_of(blob_name(digest))};
}

oci::ImageConfig VerifiedBundle::config(const oci::Digest& digest) const {
  BlobReader reader = open_blob(digest);
  if (reader.size() > oci::max_config_size) refuse_bundle(fmt::format("config {} is absurdly large", digest.str()));
  std::string text;
  text.reserve(reader.size());
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) text += piece;
  return oci::ImageConfig::parse(text, "config " + digest.str());
}

VerifiedBundle VerifiedBundle::verify_steps(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                                            const VerifyOptions& options, Reporter& reporter) {
  const auto archive = std::make_shared<const Archive>(std::move(medium));
  if (archive->head().leftovers)
    reporter.note("a signing of this bundle was interrupted before it took effect; sign again, or ignore it");
  auto signatures = archive->head().signatures;
  signatures.insert(signatures.end(), options.sidecars.begin(), options.sidecars.end());
  const auto authentication = policy.authenticate(archive->sums(), signatures, options.circumstances);
  // From here on the exporter vouches for SHA256SUMS, and every byte that is parsed was hashed against it first.
  const Sums sums = parse_sums(archive->sums());
  check_listing(*archive, sums);
  Metadata metadata = read_metadata(*archive, sums);
  auto evidence = policy.judge(authentication, claims_of(metadata), options.circumstances);
  VerifiedBundle bundle(archive, std::move(metadata), std::move(evidence));
  check_base(bundle.metadata_);
  bundle.graph_ = build_graph(*archive, sums, bundle.metadata_);
  for (const records::Blob& blob : bundle.metadata_.base.blobs) bundle.base_.insert(blob.digest);
  check_closure(*archive, bundle.metadata_, bundle.graph_);
  check_configs(bundle, options.jobs);
  check_blobs(bundle, *archive, options, reporter);
  return bundle;
}

VerifiedBundle verify(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                      const VerifyOptions& options, Reporter& reporter) {
  return with_advice([&] { return VerifiedBundle::verify_steps(std::move(medium), policy, options, reporter); });
}

UnverifiedMetadata read_unverified(std::shared_ptr<const ReadableMedium> medium) {
  return with_advice([&] {
    const Archive archive(std::move(medium));
    UnverifiedMetadata result{Metadata::parse(archive.read("bundle.json", max_metadata_size)),
                              {},
                              oci::sha256(archive.sums()),
                              archive.head().leftovers};
    for (const trust::SignatureFile& file : archive.head().signatures) result.signature_names.push_back(file.name);
    return result;
  });
}

}  // namespace airlock::bundle
