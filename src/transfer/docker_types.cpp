// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/docker_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/graph_builder.hpp"

namespace airlock::transfer {

namespace {

namespace types = oci::media_type;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> of_docker{{
    {types::docker_manifest, types::oci_manifest},
    {types::docker_index, types::oci_index},
    {types::docker_config, types::oci_config},
    {"application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.oci.image.layer.v1.tar+zstd"},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
     "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
}};

std::string oci_type(const std::string& type) {
  const auto* known =
      std::find_if(of_docker.begin(), of_docker.end(), [&](const auto& pair) { return pair.first == type; });
  return known == of_docker.end() ? type : std::string(known->second);
}

void convert_type(Json& descriptor) {
  if (const auto type = descriptor.find("mediaType"); type != descriptor.end() && type->is_string())
    *type = oci_type(type->get<std::string>());
}

bool is_docker(const oci::Node& document) {
  return document.media_type == types::docker_manifest || document.media_type == types::docker_index;
}

class Converter {
 public:
  /// The document in the OCI's types; itself where nothing of it changes.
  oci::Descriptor convert(const oci::Node& document) {
    if (const auto known = done_.find(document.digest); known != done_.end()) return known->second;
    oci::RawDocument converted = rewrite(document);
    const oci::Descriptor descriptor{converted.media_type, converted.digest, converted.bytes.size(), std::nullopt, {}};
    documents_.emplace(descriptor.digest, std::move(converted));
    return done_.emplace(document.digest, descriptor).first->second;
  }

  oci::GraphBuilder::Fetch fetch() const {
    return [this](const oci::Digest& digest) -> std::optional<oci::RawDocument> {
      const auto found = documents_.find(digest);
      if (found == documents_.end()) return std::nullopt;
      return found->second;
    };
  }

 private:
  oci::RawDocument rewrite(const oci::Node& document) {
    const oci::Content& content = *document.content;
    bool changes = is_docker(document);
    std::map<std::string, oci::Descriptor> members;
    for (const oci::MemberEdge& member : content.members) {
      const oci::Descriptor converted = convert(*member.to);
      changes = changes || converted.digest != member.to->digest;
      members.emplace(member.to->digest.str(), converted);
    }
    if (!changes) return {std::string(document.media_type), content.bytes, document.digest};
    Json json = Json::parse(content.bytes);
    convert_type(json);
    if (json.contains("config")) convert_type(json["config"]);
    if (json.contains("layers"))
      for (Json& layer : json["layers"]) convert_type(layer);
    if (json.contains("manifests")) convert_members(json["manifests"], members);
    std::string bytes = json.dump();
    const oci::Digest digest = oci::sha256(bytes);
    return {oci_type(std::string(document.media_type)), std::move(bytes), digest};
  }

  /// Those that do not travel are left out: nobody has them in this form. BuildKit's attestations follow their image.
  static void convert_members(Json& list, const std::map<std::string, oci::Descriptor>& members) {
    Json kept = Json::array();
    for (Json& member : list) {
      const auto converted = members.find(member.at("digest").get<std::string>());
      if (converted == members.end()) continue;
      const oci::Descriptor& descriptor = converted->second;
      member["mediaType"] = descriptor.media_type;
      member["digest"] = descriptor.digest.str();
      member["size"] = descriptor.size;
      if (member.contains("annotations") && member["annotations"].is_object())
        for (Json& value : member["annotations"])
          if (value.is_string())
            if (const auto about = members.find(value.get<std::string>()); about != members.end())
              value = about->second.digest.str();
      kept.push_back(std::move(member));
    }
    list = std::move(kept);
  }

  std::map<oci::Digest, oci::Descriptor> done_;
  std::map<oci::Digest, oci::RawDocument> documents_;
};

}  // namespace

std::vector<const records::Image*> docker_images(const std::vector<records::Image>& images, const oci::Graph& graph) {
  std::vector<const records::Image*> found;
  for (const records::Image& image : images) {
    const oci::Nodes nodes = graph.closure(records::roots_of(image));
    if (std::any_of(nodes.begin(), nodes.end(), [](const oci::Node* node) { return is_docker(*node); }))
      found.push_back(&image);
  }
  return found;
}

Converted convert_docker_types(const oci::Graph& graph, const std::vector<records::Image>& images,
                               const oci::PlatformSelection& platforms) {
  Converter converter;
  Converted result;
  std::vector<std::string> pinned;
  for (records::Image image : images) {
    const oci::Digest original = image.descriptor.digest;
    image.descriptor = converter.convert(graph.at(original));
    if (image.descriptor.digest != original) {
      if (image.source.digest) pinned.push_back(image.source.str());
      image.referrers.clear();
    }
    for (records::Referrer& referrer : image.referrers)
      referrer.descriptor = converter.convert(graph.at(referrer.descriptor.digest));
    result.images.push_back(std::move(image));
  }
  if (!pinned.empty())
    throw Error(
        ErrorCode::selection,
        fmt::format("asked for by digest, which would be another in the OCI's types:\n  {}", join(pinned, "\n  ")))
        .hint(R"(let the registry take Docker's types (zot: "compat": ["docker2s2"]))");
  oci::GraphBuilder builder({platforms, Side::bundle, "", records::whole_of(result.images)});
  for (const records::Image& image : result.images) records::add_to_graph(builder, image, converter.fetch());
  result.graph = builder.take();
  return result;
}

}  // namespace airlock::transfer
