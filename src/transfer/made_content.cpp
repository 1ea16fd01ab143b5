// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/made_content.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "transfer/send_file.hpp"

namespace airlock::transfer {

namespace {

Json descriptor_of(const MadeBlob& blob) {
  return oci::Descriptor{blob.media_type, blob.digest, blob.size, std::nullopt, blob.annotations}.to_json();
}

oci::RawDocument manifest_of(const MadeArtifact& artifact) {
  Json layers = Json::array();
  for (const MadeBlob& layer : artifact.layers) layers.push_back(descriptor_of(layer));
  Json json{{"schemaVersion", 2},
            {"mediaType", oci::media_type::oci_manifest},
            {"config", descriptor_of(artifact.config)},
            {"layers", std::move(layers)}};
  if (!artifact.type.empty()) json["artifactType"] = artifact.type;
  if (!artifact.annotations.empty()) json["annotations"] = artifact.annotations;
  std::string bytes = canonical_json(json);
  const oci::Digest digest = oci::sha256(bytes);
  return {std::string(oci::media_type::oci_manifest), std::move(bytes), digest};
}

}  // namespace

MadeBlob MadeBlob::of(std::string media_type, std::string bytes, std::map<std::string, std::string> annotations) {
  const oci::Digest digest = oci::sha256(bytes);
  const std::uint64_t size = bytes.size();
  return {std::move(media_type), std::move(bytes), digest, size, std::move(annotations)};
}

void MadeContent::add(const oci::Reference& reference, const MadeArtifact& artifact) {
  oci::RawDocument manifest = manifest_of(artifact);
  const auto [place, added] = manifests_.try_emplace(reference, manifest);
  if (!added && place->second.digest != manifest.digest)
    throw Error(ErrorCode::selection, fmt::format("{} is asked for twice, with different content", reference.str()))
        .hint("give one of them another name or version");
  blobs_.try_emplace(artifact.config.digest, artifact.config);
  for (const MadeBlob& layer : artifact.layers) blobs_.try_emplace(layer.digest, layer);
}

const oci::RawDocument* MadeContent::find(const oci::Reference& reference) const {
  const auto found = manifests_.find(reference);
  return found == manifests_.end() ? nullptr : &found->second;
}

const oci::RawDocument* MadeContent::find(const oci::Digest& digest) const {
  for (const auto& [reference, manifest] : manifests_)
    if (manifest.digest == digest) return &manifest;
  return nullptr;
}

std::optional<oci::RawDocument> MadeSource::document(const oci::Digest& digest) {
  const oci::RawDocument* manifest = content_.find(digest);
  return manifest == nullptr ? std::nullopt : std::optional(*manifest);
}

void MadeSource::send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) {
  const MadeBlob& made = content_.blobs().at(blob.digest);
  if (const auto* bytes = std::get_if<std::string>(&made.content)) {
    sink.write(std::string_view(*bytes).substr(part.offset + sink.received(), part.size - sink.received()));
    return;
  }
  send_file(std::get<std::filesystem::path>(made.content), part, sink);
}

std::string MadeSource::name_of(const oci::Node& blob) const {
  const auto& content = content_.blobs().at(blob.digest).content;
  const auto* path = std::get_if<std::filesystem::path>(&content);
  return path == nullptr ? "what airlock made" : path->string();
}

}  // namespace airlock::transfer
