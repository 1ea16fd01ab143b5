// SPDX-License-Identifier: Apache-2.0
#include "test_bundle.hpp"

#include <algorithm>

#include "airlock/oci/graph_builder.hpp"

namespace airlock::test {

namespace {

constexpr const char* config_type = "application/vnd.oci.image.config.v1+json";
constexpr const char* layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";

Json describe(const std::string& text, const std::string& type) {
  return {{"mediaType", type}, {"digest", oci::sha256(text).str()}, {"size", text.size()}};
}

std::string blob_name(const std::string& text) { return "blobs/sha256/" + oci::sha256(text).hex(); }

/// Each under the type that what names it says.
oci::GraphBuilder::Fetch documents_of(const std::map<oci::Digest, std::string>& texts,
                                      const std::vector<records::Image>& images) {
  return [&](const oci::Digest& digest) -> std::optional<oci::RawDocument> {
    const std::string& text = texts.at(digest);
    std::string type(text.find("\"manifests\"") == std::string::npos ? oci::media_type::oci_manifest
                                                                     : oci::media_type::oci_index);
    for (const auto& image : images)
      if (image.descriptor.digest == digest) type = image.descriptor.media_type;
    return oci::RawDocument{type, text, digest};
  };
}

oci::Graph build_graph(const std::map<oci::Digest, std::string>& texts, const bundle::Metadata& metadata) {
  oci::GraphBuilder builder({oci::PlatformSelection::parse(metadata.selection.platforms), Side::none, ""});
  for (const auto& image : metadata.images)
    builder.add(image.descriptor, oci::GraphBuilder::Role::image, documents_of(texts, metadata.images));
  return builder.take();
}

}  // namespace

oci::Graph graph_of(const TestBundle& bundle) {
  std::map<oci::Digest, std::string> texts;
  for (const auto& [name, text] : bundle.entries) texts.emplace(oci::sha256(text), text);
  return build_graph(texts, bundle.metadata);
}

std::string layer_text() { return "a layer of " + std::string(600, 'x'); }

std::string manifest_text(const std::string& config, const std::vector<std::string>& layers) {
  Json json{{"schemaVersion", 2},
            {"mediaType", oci::media_type::oci_manifest},
            {"config", describe(config, config_type)},
            {"layers", Json::array()}};
  for (const auto& layer : layers) json["layers"].push_back(describe(layer, layer_type));
  return json.dump();
}

TestBundle make_bundle(const std::vector<TestImage>& images, const std::vector<std::string>& documents,
                       const std::vector<std::string>& blobs) {
  TestBundle result;
  result.metadata.stream = "test";
  result.metadata.serial = 7;
  result.metadata.selection.platforms = {"linux/amd64", "linux/arm64"};
  result.metadata.selection.tool = "test";
  std::map<oci::Digest, std::string> texts;
  for (const auto& image : images) {
    texts.emplace(oci::sha256(image.manifest), image.manifest);
    result.metadata.images.push_back(
        {oci::Reference::parse(image.name),
         {image.type, oci::sha256(image.manifest), image.manifest.size(), std::nullopt, {}},
         {"c"},
         {"base"},
         {}});
  }
  for (const auto& list : {documents, blobs})
    for (const auto& text : list) texts.emplace(oci::sha256(text), text);
  const oci::Graph graph = build_graph(texts, result.metadata);
  result.metadata.blobs = records::blobs_of(graph.closure(records::roots_of(result.metadata.images)));
  result.entries = {{"bundle.json", result.metadata.format()},
                    {"oci-layout", std::string(bundle::oci_layout_content)},
                    {"index.json", bundle::format_index(result.metadata.images)}};
  for (const auto& blob : result.metadata.blobs) {
    const auto& text = texts.at(blob.digest);
    result.entries.emplace_back(blob_name(text), text);
  }
  return result;
}

TestBundle good_bundle() {
  const std::string amd64 = manifest_text(R"({"architecture":"amd64"})", {layer_text(), "amd64 layer"});
  const std::string arm64 = manifest_text(R"({"architecture":"arm64"})", {layer_text(), "arm64 layer"});
  Json index{{"schemaVersion", 2}, {"mediaType", oci::media_type::oci_index}, {"manifests", Json::array()}};
  const auto add = [&](const std::string& text, const char* architecture) {
    Json member = describe(text, std::string(oci::media_type::oci_manifest));
    member["platform"] = {{"os", "linux"}, {"architecture", architecture}};
    index["manifests"].push_back(member);
  };
  add(amd64, "amd64");
  add(arm64, "arm64");
  add("not in the bundle", "s390x");
  const std::string single = manifest_text(R"({"architecture":"amd64","single":true})", {layer_text()});
  return make_bundle({{"registry.k8s.io/a:1", index.dump(), std::string(oci::media_type::oci_index)},
                      {"registry.k8s.io/b:1", single, std::string(oci::media_type::oci_manifest)}},
                     {amd64, arm64},
                     {R"({"architecture":"amd64"})", R"({"architecture":"arm64"})",
                      R"({"architecture":"amd64","single":true})", layer_text(), "amd64 layer", "arm64 layer"});
}

}  // namespace airlock::test
