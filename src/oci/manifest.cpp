// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/spelling.hpp"

namespace airlock::oci {

namespace media_type {

bool is_manifest(std::string_view type) { return type == oci_manifest || type == docker_manifest; }
bool is_index(std::string_view type) { return type == oci_index || type == docker_index; }
bool is_image_config(std::string_view type) { return type == oci_config || type == docker_config; }

bool is_layer(std::string_view type) {
  return type.starts_with("application/vnd.oci.image.layer.") ||
         type.starts_with("application/vnd.docker.image.rootfs.");
}

bool is_foreign_layer(std::string_view type) {
  return is_layer(type) && (type.find(".nondistributable.") != std::string_view::npos ||
                            type.find(".foreign.") != std::string_view::npos);
}

std::optional<Compression> layer_compression(std::string_view type) {
  if (!is_layer(type)) return std::nullopt;
  if (type.ends_with(".tar+gzip") || type.ends_with(".tar.gzip")) return Compression::gzip;
  if (type.ends_with(".tar+zstd") || type.ends_with(".tar.zstd")) return Compression::zstd;
  if (type.ends_with(".tar")) return Compression::none;
  return std::nullopt;
}

}  // namespace media_type

namespace {

constexpr std::size_t max_members = 10'000;  // far above any real image, far below what exhausts memory

constexpr std::size_t max_media_type = 255;  // RFC 6838, section 4.2: 127 characters on either side of the slash

std::optional<Platform> platform_from_json(const JsonObject& object) {
  // Without an OS it is the node's own for containerd (platforms, normalizeOS); without an architecture it fits none,
  // and says as little as no platform.
  std::string os = object.optional_string("os").value_or("");
  const std::string architecture = object.optional_string("architecture").value_or("");
  if (architecture.empty()) return std::nullopt;
  if (os.empty()) os = "linux";
  auto platform = Platform::find(os, architecture, object.optional_string("variant").value_or(""));
  if (!platform)
    throw Error(ErrorCode::format, fmt::format("{}: \"{}\" is not a platform", object.where(),
                                               printable(fmt::format("{}/{}", os, architecture), 80)));
  return platform;
}

std::string media_type_from_json(const JsonObject& object) {
  std::string type = object.string("mediaType");
  const bool plain = std::all_of(type.begin(), type.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!plain || type.empty() || type.size() > max_media_type)
    throw Error(ErrorCode::format, fmt::format("{}: \"{}\" is not a media type", object.where(), printable(type, 80)));
  return type;
}

std::optional<Digest> subject_of(const JsonObject& body) {
  const auto subject = body.optional_object("subject");
  if (!subject) return std::nullopt;
  return Descriptor::from_json(*subject).digest;
}

void check_embedded_data(const Descriptor& descriptor, const std::string& encoded, const std::string& where) {
  const auto data = base64_decode(encoded);
  if (!data) throw Error(ErrorCode::format, where + ": data is not base64");
  if (data->size() != descriptor.size || sha256(*data) != descriptor.digest)
    throw Error(ErrorCode::format, where + ": the embedded data differs from the descriptor's size or digest");
}

/// Null is absence, as it is for the readers in Go that most programs of the field have (encoding/json).
void drop_nulls(Json& value) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();)
      if (member->is_null())
        member = value.erase(member);
      else
        drop_nulls(*member++);
  } else if (value.is_array()) {
    for (Json& element : value) drop_nulls(element);
  }
}

std::vector<Descriptor> descriptors(const JsonObject& object, std::string_view key) {
  if (!object.has(key)) return {};
  const auto elements = object.objects(key);
  if (elements.size() > max_members)
    throw Error(ErrorCode::format, fmt::format("{}: {} has more than {} members", object.where(), key, max_members));
  std::vector<Descriptor> result;
  result.reserve(elements.size());
  for (const JsonObject& element : elements) result.push_back(Descriptor::from_json(element));
  return result;
}

void check_media_type(const JsonObject& body, std::string_view expected) {
  const bool docker = expected == media_type::docker_manifest || expected == media_type::docker_index;
  const auto stated = body.optional_string("mediaType");
  if (!stated && docker) throw Error(ErrorCode::format, body.where() + ": \"mediaType\" is missing");
  if (stated && *stated != expected)
    throw Error(ErrorCode::format, fmt::format("{}: the body has media type {}, its descriptor has {}", body.where(),
                                               printable(*stated), expected));
}

std::atomic<std::uint64_t> parsed{0};

Listing listing_of(const JsonObject& body) {
  Listing listing;
  if (const auto type = body.optional_string("artifactType"))
    listing.artifact_type = *type;
  else if (const auto config = body.optional_object("config"))
    listing.artifact_type = config->optional_string("mediaType").value_or("");
  if (const auto annotations = body.optional_object("annotations"))
    for (const auto& [key, value] : annotations->json().items())
      if (value.is_string()) listing.annotations.emplace(key, value.get<std::string>());
  return listing;
}

}  // namespace

void ReferrerList::add(std::string_view bytes) {
  Json json = parse_json(bytes, "list of referrers", {max_manifest_size, 64});
  drop_nulls(json);
  const JsonObject list(json, "list of referrers");
  if (!list.has("manifests")) return;
  for (const JsonObject& entry : list.objects("manifests")) try {
      entries.push_back(Descriptor::from_json(entry));
    } catch (const Error& error) {
      unreadable.emplace_back(error.what());
    }
}

std::string served_type(const std::string& content_type, std::string_view bytes) {
  const auto is_document = [](std::string_view type) {
    return media_type::is_manifest(type) || media_type::is_index(type);
  };
  // The outermost members only.
  const auto shallow = [](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) { return depth <= 1; };
  const Json body = Json::parse(bytes, shallow, false);
  if (!body.is_object())
    throw Error(ErrorCode::format, fmt::format("what is served is no manifest, but {} that begins with \"{}\"",
                                               content_type.empty() ? "something" : printable(content_type, 80),
                                               printable(bytes.substr(0, bytes.find('\n')), 60)))
        .hint("a proxy or a login page answers in the registry's place: see what it shows a browser");
  if (const auto stated = body.find("mediaType"); stated != body.end() && stated->is_string())
    return stated->get<std::string>();
  if (is_document(content_type) || body.value("schemaVersion", Json()) == 1) return content_type;
  if (body.contains("manifests")) return std::string(media_type::oci_index);
  if (body.contains("config") || body.contains("layers")) return std::string(media_type::oci_manifest);
  return content_type;
}

std::uint64_t documents_parsed() { return parsed; }

Descriptor Descriptor::from_json(const JsonObject& object) {
  Descriptor descriptor{
      media_type_from_json(object), Digest::parse(object.string("digest")), object.integer("size"), std::nullopt, {}};
  if (const auto platform = object.optional_object("platform")) descriptor.platform = platform_from_json(*platform);
  if (const auto annotations = object.optional_object("annotations"))
    descriptor.annotations = annotations->string_map();
  if (const auto data = object.optional_string("data")) check_embedded_data(descriptor, *data, object.where());
  return descriptor;
}

Json Descriptor::to_json() const {
  Json json{{"mediaType", media_type}, {"digest", digest.str()}, {"size", size}};
  if (platform) {
    json["platform"] = {{"os", platform->os()}, {"architecture", platform->architecture()}};
    if (!platform->variant().empty()) json["platform"]["variant"] = platform->variant();
  }
  if (!annotations.empty()) json["annotations"] = annotations;
  return json;
}

Document parse_document(std::string_view bytes, std::string_view expected_media_type) {
  if (!media_type::is_manifest(expected_media_type) && !media_type::is_index(expected_media_type))
    throw Error(ErrorCode::format, fmt::format("media type {} is not supported", printable(expected_media_type)))
        .hint("images must be OCI or Docker schema 2; schema 1 images must be pushed again with a current tool");
  ++parsed;
  Json json = parse_json(bytes, "manifest", {max_manifest_size, 64});
  check_document_spelling(JsonObject(json, "manifest"));
  drop_nulls(json);
  const JsonObject body(json, "manifest");
  if (body.integer("schemaVersion") != 2) throw Error(ErrorCode::format, "manifest: schemaVersion is not 2");
  check_media_type(body, expected_media_type);
  if (body.has("manifests") && (body.has("layers") || body.has("config") || body.has("fsLayers")))
    throw Error(ErrorCode::format, "manifest: the body is both an index and an image manifest");
  const std::string type(expected_media_type);
  Document document{type, Index{}};
  if (media_type::is_index(type))
    document.content = Index{descriptors(body, "manifests"), subject_of(body)};
  else
    document.content =
        Manifest{Descriptor::from_json(body.object("config")), descriptors(body, "layers"), subject_of(body)};
  if (document.subject()) document.listing = listing_of(body);
  return document;
}

namespace {
constexpr const char* attested_digest = "vnd.docker.reference.digest";
}

bool is_attestation(const Descriptor& member) {
  return member.platform == Platform::unknown() && member.annotations.contains(attested_digest);
}

std::vector<Descriptor> select_members(const Index& index, const PlatformSelection& platforms) {
  std::set<std::string> taken;
  for (const Descriptor& member : index.manifests)
    if (!member.platform || platforms.wants(*member.platform)) taken.insert(member.digest.str());
  std::vector<Descriptor> members;
  for (const Descriptor& member : index.manifests) {
    const bool wanted = is_attestation(member)
                            ? platforms.all() || taken.contains(member.annotations.at(attested_digest))
                            : taken.contains(member.digest.str());
    if (wanted) members.push_back(member);
  }
  return members;
}

std::string derive_index(std::string_view index_bytes, const std::set<Digest>& present) {
  Json json = parse_json(index_bytes, "index", {max_manifest_size, 64});
  Json kept = Json::array();
  for (const Json& member : json.at("manifests"))
    if (present.contains(Digest::parse(member.at("digest").get<std::string>()))) kept.push_back(member);
  json["manifests"] = std::move(kept);
  return json.dump();
}

}  // namespace airlock::oci
