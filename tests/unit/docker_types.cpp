// SPDX-License-Identifier: Apache-2.0
// Docker's media types in the OCI's: what changes, what stays, and who is told.
#include "airlock/transfer/docker_types.hpp"

#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/oci/graph_builder.hpp"
#include "catch.hpp"
#include "memory_ports.hpp"

using namespace airlock;
using namespace airlock::transfer;
using namespace airlock::test;

namespace {

constexpr const char* docker_layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// An image in memory, and the graph with it.
struct Made {
  MemorySource source;
  std::vector<records::Image> images;
  oci::Graph graph;

  oci::Descriptor add(const std::string& type, const Json& body) { return source.add_document(body.dump(), type); }
  oci::Descriptor manifest(const std::string& name) {
    const auto blob = [](const std::string& text, const std::string& type) {
      return Json{{"mediaType", type}, {"digest", oci::sha256(text).str()}, {"size", text.size()}};
    };
    return add(std::string(oci::media_type::docker_manifest),
               {{"schemaVersion", 2},
                {"mediaType", oci::media_type::docker_manifest},
                {"config", blob(name, std::string(oci::media_type::docker_config))},
                {"layers", {blob("layer of " + name, docker_layer)}}});
  }
  oci::Descriptor index(const std::vector<std::pair<oci::Descriptor, const char*>>& members) {
    Json list = Json::array();
    for (const auto& [member, architecture] : members) {
      Json entry = member.to_json();
      entry["platform"] = {{"os", "linux"}, {"architecture", architecture}};
      list.push_back(std::move(entry));
    }
    return add(std::string(oci::media_type::docker_index),
               {{"schemaVersion", 2}, {"mediaType", oci::media_type::docker_index}, {"manifests", std::move(list)}});
  }
  void build(const oci::PlatformSelection& platforms) {
    oci::GraphBuilder builder({platforms, Side::source, ""});
    for (const auto& image : images) records::add_to_graph(builder, image, source.fetch());
    graph = builder.take();
  }
};

records::Image image(const char* name, const oci::Descriptor& top) {
  return {oci::Reference::parse(name), top, {}, {}, {}, false};
}

}  // namespace

TEST_CASE("Docker's types become the OCI's, and the content stays") {
  Made made;
  const auto amd64 = made.manifest("amd64");
  const auto s390x = made.manifest("s390x");
  made.images.push_back(image("quay.io/a/b:1", made.index({{amd64, "amd64"}, {s390x, "s390x"}})));
  const auto platforms = oci::PlatformSelection::parse({"linux/amd64"});
  made.build(platforms);
  CHECK(docker_images(made.images, made.graph).size() == 1);

  const Converted converted = convert_docker_types(made.graph, made.images, platforms);
  CHECK(docker_images(converted.images, converted.graph).empty());
  const oci::Node& top = converted.graph.at(converted.images[0].descriptor.digest);
  CHECK(top.media_type == oci::media_type::oci_index);
  CHECK(top.digest != made.images[0].descriptor.digest);
  REQUIRE(top.content->members.size() == 1);
  CHECK_FALSE(top.content->sparse);  // what nobody has in this form is not named
  const oci::Content& manifest = *top.content->members[0].to->content;
  CHECK(manifest.config->media_type == oci::media_type::oci_config);
  CHECK(manifest.config->to->digest == oci::sha256("amd64"));
  CHECK(manifest.layers[0].media_type == "application/vnd.oci.image.layer.v1.tar+gzip");
  CHECK(manifest.layers[0].to->digest == oci::sha256("layer of amd64"));
}

TEST_CASE("an image that is asked for by digest is not converted") {
  Made made;
  const auto top = made.manifest("amd64");
  made.images.push_back(image(("quay.io/a/b@" + top.digest.str()).c_str(), top));
  made.build(oci::PlatformSelection::everything());
  CHECK_ERROR(convert_docker_types(made.graph, made.images, oci::PlatformSelection::everything()), selection,
              "asked for by digest");
}
