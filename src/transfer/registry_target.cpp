// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/transfer/registry_ports.hpp"
#include "transfer/blob_pusher.hpp"
#include "transfer/referrer_list.hpp"

namespace airlock::transfer {

namespace {

using PutResult = registry::Client::PutResult;

}  // namespace

RegistryTarget::RegistryTarget(registry::Client& client, const oci::Graph& graph, Reporter& reporter)
    : client_(client), graph_(graph), reporter_(reporter), pusher_(std::make_unique<BlobPusher>(client, reporter)) {}

RegistryTarget::~RegistryTarget() = default;

Phases RegistryTarget::phases() const {
  return {"asking", "pushing", "storing manifests", "listing referrers", "tagging", "checking", true, false};
}

bool RegistryTarget::has(const registry::Repository& repository, const oci::Node& blob) {
  return client_.has_blob(repository, blob.digest).value_or(false);
}

const BlobTask* RegistryTarget::trial(const std::vector<BlobTask>& tasks) { return BlobPusher::trial(tasks); }

Stored RegistryTarget::put_blob(const BlobTask& task, std::size_t /*part*/, Attempt /*attempt*/, Source& source) {
  const registry::Repository& first = task.needed_by.front()->repository;
  const auto moving = reporter_.start_moving(
      fmt::format("{} {}, {}", first.name.str(), task.blob->digest.short_hex(), human_size(task.blob->size)));
  return within([&] { return first.str(); }, [&] { return pusher_->put(task, source); });
}

PutResult RegistryTarget::put_manifest(const registry::Repository& repository, const oci::ManifestId& id,
                                       const oci::Node& document) {
  using Members = registry::Client::Members;
  const auto result = client_.push_manifest(repository, id, std::string(document.media_type), document.content->bytes,
                                            document.content->sparse ? Members::some : Members::all);
  if (result != PutResult::members_missing) ++manifests_;
  return result;
}

void RegistryTarget::put_document(const Destination& destination, const oci::Node& document) {
  const auto result = put_manifest(destination.repository, document.digest, document);
  if (result == PutResult::members_missing)
    throw Error(ErrorCode::registry, Side::target,
                fmt::format("{} refuses the index {}, of which the bundle has not all platforms; {}",
                            destination.repository.str(), document.digest.str(),
                            document.digest == destination.image->descriptor.digest
                                ? "it is asked for by this digest, which a shortened one would not have"
                                : "it is part of another one"))
        .hint(
            "export this image with all its platforms (--pinned whole, --platform all), or let the registry take "
            "incomplete indexes (distribution: validation.manifests.indexes.platforms)");
  if (result != PutResult::stored) return;
  const std::lock_guard lock(mutex_);
  unlisted_.emplace(destination.repository, document.digest);
}

/// Signatures, attestations and SBOMs are there by digest now; this is how they are found.
void RegistryTarget::put_referrer(const Destination& destination, const records::Referrer& referrer) {
  const oci::Node& document = graph_.at(referrer.descriptor.digest);
  if (referrer.tag) put_manifest(destination.repository, *referrer.tag, document);
  if (unlisted_.contains({destination.repository, document.digest}))
    list_referrer(client_, destination.repository, document);
}

void RegistryTarget::put_name(const Destination& destination) {
  const oci::Node& top = graph_.at(destination.image->descriptor.digest);
  if (put_manifest(destination.repository, *destination.tag, top) != PutResult::members_missing) return;
  const auto derived = derived_index(graph_, *destination.image);
  if (derived && client_.push_manifest(destination.repository, *destination.tag, std::string(top.media_type),
                                       *derived) != PutResult::members_missing) {
    ++manifests_;
    return;
  }
  throw Error(ErrorCode::registry, Side::target, "the registry refuses the index although it has all its members")
      .hint("see the registry's log; exporting with --platform all keeps its indexes whole");
}

/// Registries with several replicas serve a moment later what they have stored.
std::optional<Published> RegistryTarget::read_back(const Destination& destination) {
  constexpr unsigned max_looks = 5;
  for (unsigned attempt = 1;; ++attempt) {
    auto published = look(destination).published;
    if (published || attempt == max_looks) return published;
    client_.pause(attempt, destination.str());
  }
}

/// Whether the tag stands for the image, or for the index derived from it.
std::optional<Published> RegistryTarget::compare_top(const registry::FetchedManifest& top,
                                                     const Destination& destination) const {
  const auto& descriptor = destination.image->descriptor;
  if (top.media_type != descriptor.media_type) return std::nullopt;
  if (top.digest == descriptor.digest) return Published{destination, top.digest, false, false};
  if (destination.image->source.digest) return std::nullopt;  // asked for by digest
  const auto derived = derived_index(graph_, *destination.image);
  if (!derived || oci::sha256(*derived) != top.digest) return std::nullopt;
  return Published{destination, top.digest, true, false};
}

bool RegistryTarget::has_members(const Destination& destination) {
  const oci::Nodes nodes = graph_.closure(records::roots_of(*destination.image));
  return std::all_of(nodes.begin(), nodes.end(), [&](const oci::Node* node) {
    return !node->is_document() || !asked_by_digest(*destination.image, *node) ||
           client_.fetch_manifest(destination.repository, node->digest);
  });
}

/// The top manifest by tag, what is below it by digest, referrers by their tags; all that comes is hashed.
Presence RegistryTarget::look(const Destination& destination) {
  Presence found;
  const auto& descriptor = destination.image->descriptor;
  const auto top = client_.fetch_manifest(destination.repository, *destination.tag);
  if (top) found.published = compare_top(*top, destination);
  if (top && !found.published) found.moves.push_back({destination.str(), top->digest, descriptor.digest});
  if (found.published && !has_members(destination)) found.published.reset();
  for (const auto& [referrer, tag] : destination.image->referrers) {
    if (!tag) continue;
    const auto tagged = client_.fetch_manifest(destination.repository, *tag);
    if (tagged && tagged->digest == referrer.digest) continue;
    found.published.reset();
    if (tagged)
      found.moves.push_back(
          {fmt::format("{}:{}", destination.repository.str(), tag->str()), tagged->digest, referrer.digest});
  }
  return found;
}

std::optional<std::string> derived_index(const oci::Graph& graph, const records::Image& image) {
  const oci::Content& top = *graph.at(image.descriptor.digest).content;
  if (!top.index || !top.sparse) return std::nullopt;
  std::set<oci::Digest> present;
  for (const oci::MemberEdge& member : top.members) present.insert(member.to->digest);
  return oci::derive_index(top.bytes, present);
}

}  // namespace airlock::transfer
