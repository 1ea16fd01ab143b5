// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/findings.hpp"
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
  for (const Archive::Entry& entry : archive.entries())
    if (find_sum(sums, entry.name) == nullptr) refuse_bundle(entry.name.str() + " is not listed in SHA256SUMS");
  for (const auto& [name, digest] : sums) {
    if (archive.find(name) == nullptr) refuse_bundle(name.str() + " is listed in SHA256SUMS but missing");
    if (name.blob() != nullptr && *name.blob() == digest) continue;
    const std::string text = name.str();
    if (text.starts_with(blob_directory))
      refuse_bundle(fmt::format("{} is listed with another digest, {}", text, digest.str()));
    if (text != "bundle.json" && text != "oci-layout" && text != "index.json")
      refuse_bundle(text + " does not belong into a bundle");
  }
}

/// Reads a small entry once and compares it with its sum; what is parsed is what was hashed.
std::string read_checked(const Archive& archive, const EntryName& name, const oci::Digest& sum, std::size_t limit) {
  std::string content = archive.read(name, limit);
  if (oci::sha256(content) != sum) refuse_bundle(name.str() + ": its content differs from SHA256SUMS");
  return content;
}

std::string read_listed(const Archive& archive, const Sums& sums, const EntryName& name, std::size_t limit) {
  const oci::Digest* sum = find_sum(sums, name);
  if (sum == nullptr) refuse_bundle(name.str() + " is missing");
  return read_checked(archive, name, *sum, limit);
}

Metadata read_metadata(const Archive& archive, const Sums& sums) {
  Metadata metadata = Metadata::parse(read_listed(archive, sums, "bundle.json", max_metadata_size));
  if (read_listed(archive, sums, "oci-layout", 1024) != oci_layout_content)
    refuse_bundle("oci-layout: not the layout version 1.0.0 in its one form");
  const std::string index = read_listed(archive, sums, "index.json", max_metadata_size);
  if (!is_text(index, [&](const TextSink& sink) { write_index(metadata.images, sink); }))
    refuse_bundle("index.json does not list the images of bundle.json");
  return metadata;
}

trust::Claims claims_of(const Metadata& metadata) {
  trust::Claims claims{metadata.stream, metadata.serial, metadata.created, metadata.expires, {}};
  for (const records::Image& image : metadata.images) claims.sources.push_back(image.source.str());
  return claims;
}

/// After this no sums are needed: what is left to read are blobs, which are named by theirs.
Metadata read_content(const Archive& archive) {
  const Sums sums = parse_sums(archive.sums());
  check_listing(archive, sums);
  return read_metadata(archive, sums);
}

bool is_document(const records::Blob& blob) {
  return oci::media_type::is_manifest(blob.media_type) || oci::media_type::is_index(blob.media_type);
}

/// Every manifest is read, hashed and parsed once; what follows asks the graph.
oci::Graph build_graph(const Archive& archive, const Metadata& metadata, bool keep_documents) {
  std::map<oci::Digest, std::string_view> types;
  for (const records::Blob& blob : metadata.blobs)
    if (is_document(blob)) types.emplace(blob.digest, blob.media_type);
  const auto fetch = [&](const oci::Digest& digest) -> std::optional<oci::RawDocument> {
    const auto type = types.find(digest);
    if (type == types.end()) return std::nullopt;
    if (archive.find(digest) == nullptr) refuse_bundle(blob_name(digest) + " is missing");
    return oci::RawDocument{std::string(type->second), read_checked(archive, digest, digest, oci::max_manifest_size),
                            digest};
  };
  oci::GraphBuilder builder({oci::PlatformSelection::parse(metadata.selection.platforms), Side::bundle, advice,
                             records::whole_of(metadata.images), keep_documents});
  for (const records::Image& image : metadata.images)
    within([&] { return "image " + image.source.str(); }, [&] { records::add_to_graph(builder, image, fetch); });
  return builder.take();
}

std::vector<records::Blob> sorted(std::vector<records::Blob> blobs) {
  std::sort(blobs.begin(), blobs.end());
  return blobs;
}

/// The first that is in one sorted list and not in the other; null where there is none.
const records::Blob* find_extra(const std::vector<records::Blob>& these, const std::vector<records::Blob>& those) {
  const auto extra = std::find_if(these.begin(), these.end(), [&](const records::Blob& blob) {
    return !std::binary_search(those.begin(), those.end(), blob);
  });
  return extra == these.end() ? nullptr : &*extra;
}

/// A delta leaves out layers and configs only, and nothing that it carries.
void check_base(const Metadata& metadata) {
  if (metadata.base.blobs.empty()) return;
  const std::vector<records::Blob> carried = sorted(metadata.blobs);
  for (const records::Blob& blob : metadata.base.blobs) {
    if (std::binary_search(carried.begin(), carried.end(), blob))
      refuse_bundle(fmt::format("blob {} is both carried and left to the base", blob.digest.str()));
    if (is_document(blob))
      refuse_bundle(
          fmt::format("manifest {} is left to the base, but every bundle carries its manifests", blob.digest.str()));
  }
}

/// The entries are the metadata and these blobs, in this order.
void check_entries(const Archive& archive, const std::vector<records::Blob>& carried) {
  std::vector<EntryName> names{"bundle.json", "oci-layout", "index.json"};
  names.reserve(names.size() + carried.size());
  for (const records::Blob& blob : carried) names.emplace_back(blob.digest);
  const auto same = [](const Archive::Entry& entry, const EntryName& name) { return entry.name == name; };
  if (std::equal(archive.entries().begin(), archive.entries().end(), names.begin(), names.end(), same)) return;
  const std::set<EntryName> wanted(names.begin(), names.end());
  for (const Archive::Entry& entry : archive.entries())
    if (!wanted.contains(entry.name)) refuse_bundle(entry.name.str() + ": no image needs it");
  for (const EntryName& name : names)
    if (archive.find(name) == nullptr) refuse_bundle(name.str() + " is missing");
  refuse_bundle("the entries are not in the order of the bundle format");
}

/// What the images reach is what bundle.json lists is what the archive holds, in that order.
void check_closure(const Archive& archive, const Metadata& metadata, const oci::Graph& graph) {
  std::vector<records::Blob> expected = records::blobs_of(graph.closure(records::roots_of(metadata.images)));
  {
    const std::vector<records::Blob> reached = sorted(expected);
    std::vector<records::Blob> listed = metadata.blobs;
    listed.insert(listed.end(), metadata.base.blobs.begin(), metadata.base.blobs.end());
    std::sort(listed.begin(), listed.end());
    if (const records::Blob* blob = find_extra(reached, listed))
      refuse_bundle(fmt::format("blob {} belongs to an image but bundle.json does not list it so", blob->digest.str()));
    if (const records::Blob* blob = find_extra(listed, reached))
      refuse_bundle(fmt::format("blob {} is listed in bundle.json but no image needs it", blob->digest.str()));
  }
  const std::vector<records::Blob> in_base = sorted(metadata.base.blobs);
  std::erase_if(expected,
                [&](const records::Blob& blob) { return std::binary_search(in_base.begin(), in_base.end(), blob); });
  if (expected != metadata.blobs) refuse_bundle("bundle.json: blobs are not in order, or one appears twice");
  check_entries(archive, expected);
}

/// What a node does with an image stands in its config; all programs have to read the same there.
void check_configs(const BundleContent& bundle, unsigned jobs) {
  std::vector<const records::Blob*> configs;
  for (const records::Blob& blob : bundle.metadata().blobs)
    if (oci::media_type::is_image_config(blob.media_type)) configs.push_back(&blob);
  run_parallel(configs.size(), jobs, [&](std::size_t i) { bundle.config(configs[i]->digest); });
}

void check_blobs(const BundleContent& bundle, const Archive& archive, const VerifyOptions& options,
                 Reporter& reporter) {
  std::vector<const records::Blob*> blobs;
  std::uint64_t bytes = 0;
  for (const records::Blob& blob : bundle.metadata().blobs) {
    if (const auto size = archive.extent_of(blob.digest).size; size != blob.size)
      refuse_bundle(fmt::format("blob {} has {} bytes, its descriptor says {}", blob.digest.str(), size, blob.size));
    // Hashed when they were read.
    if (is_document(blob) || oci::media_type::is_image_config(blob.media_type)) continue;
    blobs.push_back(&blob);
    bytes += blob.size;
  }
  if (options.blobs == BlobCheck::on_read) return;
  // Largest first, so that no thread starts on the largest when the others are done.
  std::sort(blobs.begin(), blobs.end(),
            [](const records::Blob* a, const records::Blob* b) { return a->size > b->size; });
  reporter.begin("verifying", bytes, blobs.size());
  run_parallel(blobs.size(), options.jobs, [&](std::size_t i) {
    BlobReader reader = bundle.open_blob(blobs[i]->digest);
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

BlobReader BundleContent::open_blob(const oci::Digest& digest) const {
  return {archive_->medium(), digest, archive_->extent_of(digest)};
}

oci::ImageConfig BundleContent::config(const oci::Digest& digest) const {
  BlobReader reader = open_blob(digest);
  if (reader.size() > oci::max_config_size) refuse_bundle(fmt::format("config {} is absurdly large", digest.str()));
  std::string text;
  text.reserve(reader.size());
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) text += piece;
  return oci::ImageConfig::parse(text, "config " + digest.str());
}

void BundleContent::check_content(const VerifyOptions& options, Reporter& reporter) {
  check_base(metadata_);
  graph_ = build_graph(*archive_, metadata_, options.keep_documents);
  for (const records::Blob& blob : metadata_.base.blobs) base_.insert(blob.digest);
  check_closure(*archive_, metadata_, graph_);
  check_configs(*this, options.jobs);
  check_blobs(*this, *archive_, options, reporter);
}

UncheckedBundle::UncheckedBundle(std::shared_ptr<const Archive> archive, Metadata metadata, oci::Digest sums_digest)
    : BundleContent(std::move(archive), std::move(metadata)),
      signatures_(archive_->head().signatures),
      sums_digest_(sums_digest),
      leftovers_(archive_->head().leftovers) {}

namespace {

/// Its signatures do not suffice. If a trusted key vouches for its content nevertheless, the rules are asked what else
/// is against it, so that it has not to be sent back twice.
[[noreturn]] void refuse_with_rules(const Error& refusal, const Archive& archive, const trust::Policy& policy,
                                    const std::vector<trust::SignatureFile>& signatures,
                                    const trust::Circumstances& circumstances) {
  Findings findings;
  findings.check([&] { throw Error(refusal); });
  try {
    if (policy.knows_a_signer(archive.sums(), signatures))
      policy.find_faults(claims_of(read_content(archive)), oci::sha256(archive.sums()), circumstances, findings);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;  // else it is not even well formed: the refusal says enough
  }
  findings.conclude();
  throw Error(refusal);
}

}  // namespace

VerifiedBundle VerifiedBundle::verify_steps(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                                            const VerifyOptions& options, Reporter& reporter) {
  const auto archive = std::make_shared<Archive>(std::move(medium));
  if (archive->head().leftovers)
    reporter.note("a signing of this bundle was interrupted before it took effect; sign again, or ignore it");
  auto signatures = archive->head().signatures;
  signatures.insert(signatures.end(), options.sidecars.begin(), options.sidecars.end());
  const auto authentication = [&] {
    try {
      return policy.authenticate(archive->sums(), signatures, options.circumstances);
    } catch (const Error& refusal) {
      if (refusal.code() != ErrorCode::trust) throw;
      refuse_with_rules(refusal, *archive, policy, signatures, options.circumstances);
    }
  }();
  // From here on the exporter vouches for SHA256SUMS, and every byte that is parsed was hashed against it first.
  Metadata metadata = read_content(*archive);
  archive->forget_sums();
  auto evidence = policy.judge(authentication, claims_of(metadata), options.circumstances);
  VerifiedBundle bundle(archive, std::move(metadata), std::move(evidence));
  bundle.check_content(options, reporter);
  return bundle;
}

VerifiedBundle verify(std::shared_ptr<const ReadableMedium> medium, const trust::Policy& policy,
                      const VerifyOptions& options, Reporter& reporter) {
  return with_advice([&] { return VerifiedBundle::verify_steps(std::move(medium), policy, options, reporter); });
}

UncheckedBundle read_unchecked(std::shared_ptr<const ReadableMedium> medium, const VerifyOptions& options,
                               Reporter& reporter) {
  return with_advice([&] {
    const auto archive = std::make_shared<Archive>(std::move(medium));
    const oci::Digest sums_digest = oci::sha256(archive->sums());
    Metadata metadata = read_content(*archive);
    archive->forget_sums();
    UncheckedBundle bundle(archive, std::move(metadata), sums_digest);
    bundle.check_content(options, reporter);
    return bundle;
  });
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
