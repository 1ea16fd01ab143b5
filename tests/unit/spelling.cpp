// SPDX-License-Identifier: Apache-2.0
// One reading for all programs: keys that Go would take for others are refused, in each object that has fields.
#include "airlock/oci/spelling.hpp"

#include <nlohmann/json.hpp>

#include "airlock/oci/image_config.hpp"
#include "airlock/oci/manifest.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::oci;

namespace {

const std::string digest = sha256("x").str();

Json descriptor() { return {{"mediaType", "application/x"}, {"digest", digest}, {"size", 1}}; }

Json manifest() {
  return {{"schemaVersion", 2},
          {"mediaType", media_type::oci_manifest},
          {"config", descriptor()},
          {"layers", Json::array({descriptor()})},
          {"annotations", {{"Key", "1"}, {"key", "2"}, {"ä", "3"}}}};
}

void read(const Json& body) { static_cast<void>(parse_document(body.dump(), media_type::oci_manifest)); }

/// The document with one member more at a place.
Json with(Json body, const std::string& pointer, const std::string& key) {
  body[Json::json_pointer(pointer)][key] = "x";
  return body;
}

}  // namespace

TEST_CASE("manifests whose keys can be read in two ways") {
  CHECK_NOTHROW(read(manifest()));  // annotations are a map: its keys are its user's
  for (const char* key : {"Layers", "LAYERS", "layerS", "Config", "MediaType", "mediatype", "Manifests", "Subject",
                          "SchemaVersion", "Annotations", "ArtifactType"})
    CHECK_ERROR(read(with(manifest(), "", key)), format, "is not spelled");
  for (const char* key : {"layer\u017f", "\u212aey", "ünknown"})
    CHECK_ERROR(read(with(manifest(), "", key)), format, "is not ASCII");
  CHECK_ERROR(read(with(with(manifest(), "", "x-extra"), "", "X-Extra")), format, "in two spellings");
  CHECK_ERROR(read(with(manifest(), "/config", "Digest")), format, "manifest: config: the key");
  CHECK_ERROR(read(with(manifest(), "/layers/0", "Size")), format, "manifest: layers: the key");
}

TEST_CASE("indexes whose keys can be read in two ways") {
  Json member = descriptor();
  member["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
  const Json index{{"schemaVersion", 2}, {"mediaType", media_type::oci_index}, {"manifests", Json::array({member})}};
  const auto parse = [](const Json& body) { return parse_document(body.dump(), media_type::oci_index); };
  CHECK_NOTHROW(parse(index));
  CHECK_ERROR(parse(with(index, "/manifests/0", "Digest")), format, "is not spelled \"digest\"");
  CHECK_ERROR(parse(with(index, "/manifests/0/platform", "OS")), format, "is not spelled \"os\"");
  CHECK_ERROR(parse(with(index, "/manifests/0/platform", "Architecture")), format, "is not spelled");
}

TEST_CASE("configs whose keys can be read in two ways") {
  const Json config{{"os", "linux"},
                    {"architecture", "amd64"},
                    {"config", {{"Labels", {{"Name", "a"}, {"name", "b"}}}, {"User", "1000"}}},
                    {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array({digest})}}},
                    {"history", Json::array({{{"created_by", "x"}}})}};
  const auto parse = [](const Json& body) { return ImageConfig::parse(body.dump(), "c"); };
  CHECK(parse(config).platform->str() == "linux/amd64");
  CHECK(parse(config).diff_ids.size() == 1);
  CHECK_ERROR(parse(with(config, "", "RootFS")), format, "c: the key \"RootFS\" is not spelled \"rootfs\"");
  CHECK_ERROR(parse(with(config, "", "Config")), format, "is not spelled");
  CHECK_ERROR(parse(with(config, "", "Architecture")), format, "is not spelled");
  CHECK_ERROR(parse(with(config, "/rootfs", "Diff_IDs")), format, "c: rootfs: the key");
  CHECK_ERROR(parse(with(config, "/config", "user")), format, "is not spelled \"User\"");
  CHECK_ERROR(parse(with(config, "/config", "entrypoint")), format, "is not spelled \"Entrypoint\"");
  CHECK_ERROR(parse(with(config, "/history/0", "Created")), format, "is not spelled");
  CHECK_ERROR(ImageConfig::parse("[]", "c"), format, "not a JSON object");
  CHECK_ERROR(ImageConfig::parse(R"({"os":"a","os":"b"})", "c"), format, "appears twice");
  CHECK(ImageConfig::parse(R"({"rootfs":{"diff_ids":null}})", "c").diff_ids.empty());
}
