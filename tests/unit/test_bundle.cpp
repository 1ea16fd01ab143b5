// SPDX-License-Identifier: Apache-2.0
#include "test_bundle.hpp"

#include <algorithm>

namespace airlock::test {

namespace {

constexpr const char* config_type = "application/vnd.oci.image.config.v1+json";
constexpr const char* layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";

Json describe(const std::string& text, const std::string& type) {
  return {{"mediaType", type}, {"digest", oci::sha256(text).str()}, {"size", text.size()}};
}

std::string blob_name(const std::string& text) { return "blobs/sha256/" + oci::sha256(text).hex(); }

}  // namespace

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
  bundle::Closure closure;
  for (const auto& image : result.metadata.images)
    closure.add(image, oci::PlatformSelection::parse(result.metadata.selection.platforms),
                [&](const oci::Descriptor& descriptor) -> std::string_view { return texts.at(descriptor.digest); });
  result.metadata.blobs = closure.ordered();
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
