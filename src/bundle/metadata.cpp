// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/metadata.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"

namespace airlock::bundle {

namespace {

constexpr const char* ref_name_annotation = "org.opencontainers.image.ref.name";
constexpr const char* containerd_name_annotation = "io.containerd.image.name";
constexpr JsonLimits metadata_limits{64U << 20, 16, 2U << 20};

Json selection_to_json(const Selection& selection) {
  return {{"kubeone", selection.kubeone},
          {"filters", selection.filters},
          {"kubernetesVersions", selection.kubernetes_versions},
          {"platforms", selection.platforms},
          {"catalogDigest", selection.catalog_digest},
          {"tool", selection.tool}};
}

Selection selection_from_json(const JsonObject& object) {
  object.only({"kubeone", "filters", "kubernetesVersions", "platforms", "catalogDigest", "tool"});
  return {object.string("kubeone"),    object.strings("filters"),      object.strings("kubernetesVersions"),
          object.strings("platforms"), object.string("catalogDigest"), object.string("tool")};
}

Json blobs_to_json(const std::vector<Blob>& blobs) {
  Json json = Json::array();
  for (const Blob& blob : blobs)
    json.push_back({{"digest", blob.digest.str()}, {"size", blob.size}, {"mediaType", blob.media_type}});
  return json;
}

std::vector<Blob> blobs_from_json(const JsonObject& object) {
  std::vector<Blob> blobs;
  for (const JsonObject& blob : object.objects("blobs")) {
    blob.only({"digest", "size", "mediaType"});
    blobs.push_back({oci::Digest::parse(blob.string("digest")), blob.integer("size"), blob.string("mediaType")});
  }
  return blobs;
}

Json base_to_json(const Base& base) {
  Json sources = Json::array();
  for (const BaseSource& source : base.sources) {
    Json json{{"kind", source.kind}, {"stream", source.stream}, {"serial", source.serial}};
    if (source.bundle) json["bundle"] = source.bundle->str();
    sources.push_back(std::move(json));
  }
  return {{"sources", std::move(sources)}, {"blobs", blobs_to_json(base.blobs)}};
}

Base base_from_json(const JsonObject& object) {
  object.only({"sources", "blobs"});
  Base base;
  for (const JsonObject& source : object.objects("sources")) {
    source.only({"kind", "bundle", "stream", "serial"});
    BaseSource found{source.string("kind"), std::nullopt, source.string("stream"), source.integer("serial")};
    if (const auto digest = source.optional_string("bundle")) found.bundle = oci::Digest::parse(*digest);
    base.sources.push_back(std::move(found));
  }
  base.blobs = blobs_from_json(object);
  if (base.blobs.empty()) throw Error(ErrorCode::format, Side::bundle, "bundle.json: an empty base");
  return base;
}

Json image_to_json(const Image& image) {
  Json referrers = Json::array();
  for (const oci::Descriptor& referrer : image.referrers) referrers.push_back(referrer.to_json());
  return {{"source", image.source.str()},
          {"descriptor", image.descriptor.to_json()},
          {"components", image.components},
          {"groups", image.groups},
          {"referrers", std::move(referrers)}};
}

/// A malformed reference or platform is the user's mistake on a command line, but the bundle's in its metadata.
template <typename Parse>
auto of_bundle(Parse&& parse) -> decltype(parse()) {
  try {
    return parse();
  } catch (const Error& error) {
    throw Error(ErrorCode::format, Side::bundle, std::string("bundle.json: ") + error.what());
  }
}

Image image_from_json(const JsonObject& object) {
  object.only({"source", "descriptor", "components", "groups", "referrers"});
  Image image{of_bundle([&] { return oci::Reference::parse(object.string("source")); }),
              oci::Descriptor::from_json(object.object("descriptor")),
              object.strings("components"),
              object.strings("groups"),
              {}};
  for (const JsonObject& referrer : object.objects("referrers"))
    image.referrers.push_back(oci::Descriptor::from_json(referrer));
  return image;
}

Time time_of(const JsonObject& object, std::string_view key) {
  const auto time = parse_time(object.string(key));
  if (!time) throw Error(ErrorCode::format, object.where() + ": " + std::string(key) + ": not a time");
  return *time;
}

Metadata metadata_from_json(const JsonObject& object) {
  object.only(
      {"mediaType", "stream", "serial", "created", "expires", "previous", "selection", "images", "blobs", "base"});
  if (object.string("mediaType") != metadata_media_type)
    throw Error(ErrorCode::format, Side::bundle, "bundle.json: unknown format " + printable(object.string("mediaType")))
        .hint("this bundle was made by another version of airlock; use one that knows this format");
  Metadata metadata;
  metadata.stream = object.string("stream");
  if (!is_plain_name(metadata.stream))
    throw Error(ErrorCode::format, Side::bundle, "bundle.json: malformed stream name");
  metadata.serial = object.integer("serial");
  metadata.created = time_of(object, "created");
  if (object.has("expires")) metadata.expires = time_of(object, "expires");
  if (const auto previous = object.optional_string("previous")) metadata.previous = oci::Digest::parse(*previous);
  metadata.selection = selection_from_json(object.object("selection"));
  of_bundle([&] { return oci::PlatformSelection::parse(metadata.selection.platforms); });
  if (object.objects("images").empty()) throw Error(ErrorCode::format, Side::bundle, "bundle.json: it names no image");
  for (const JsonObject& image : object.objects("images")) metadata.images.push_back(image_from_json(image));
  metadata.blobs = blobs_from_json(object);
  if (const auto base = object.optional_object("base")) metadata.base = base_from_json(*base);
  return metadata;
}

}  // namespace

std::string Metadata::format() const {
  Json json{{"mediaType", metadata_media_type}, {"stream", stream},        {"serial", serial},
            {"created", format_time(created)},  {"images", Json::array()}, {"blobs", blobs_to_json(blobs)}};
  json["selection"] = selection_to_json(selection);
  if (expires) json["expires"] = format_time(*expires);
  if (previous) json["previous"] = previous->str();
  for (const Image& image : images) json["images"].push_back(image_to_json(image));
  if (!base.blobs.empty()) json["base"] = base_to_json(base);
  return canonical_json(json);
}

Metadata Metadata::parse(std::string_view text) {
  const Json json = parse_json(text, "bundle.json", metadata_limits);
  Metadata metadata = metadata_from_json(JsonObject(json, "bundle.json"));
  const auto ordered = [](const Image& a, const Image& b) { return a.source < b.source; };
  if (!std::is_sorted(metadata.images.begin(), metadata.images.end(), ordered) ||
      std::adjacent_find(metadata.images.begin(), metadata.images.end(),
                         [&](const Image& a, const Image& b) { return !ordered(a, b); }) != metadata.images.end())
    throw Error(ErrorCode::format, Side::bundle, "bundle.json: images are not in order, or one appears twice");
  if (metadata.format() != text) throw Error(ErrorCode::format, Side::bundle, "bundle.json: not in canonical form");
  return metadata;
}

std::string format_index(const std::vector<Image>& images) {
  Json manifests = Json::array();
  const auto add = [&](oci::Descriptor descriptor, const std::string& name) {
    if (!name.empty()) descriptor.annotations = {{ref_name_annotation, name}, {containerd_name_annotation, name}};
    manifests.push_back(descriptor.to_json());
  };
  for (const Image& image : images) {
    add(image.descriptor, image.source.str());
    for (const oci::Descriptor& referrer : image.referrers) add(referrer, "");
  }
  return canonical_json(
      {{"schemaVersion", 2}, {"mediaType", oci::media_type::oci_index}, {"manifests", std::move(manifests)}});
}

}  // namespace airlock::bundle
