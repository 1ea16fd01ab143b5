// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::oci;

namespace {

const std::string hex(64, 'a');

Json a_descriptor(const std::string& type = "application/vnd.oci.image.layer.v1.tar+gzip") {
  return {{"mediaType", type}, {"digest", "sha256:" + hex}, {"size", 3}};
}

Json a_manifest() {
  return {{"schemaVersion", 2},
          {"mediaType", media_type::oci_manifest},
          {"config", a_descriptor("application/vnd.oci.image.config.v1+json")},
          {"layers", Json::array({a_descriptor()})}};
}

Json member(char digit, const std::string& platform, const Json& annotations = Json::object()) {
  const auto slash = platform.find('/');
  Json json{{"mediaType", media_type::oci_manifest},
            {"digest", "sha256:" + std::string(64, digit)},
            {"size", 3},
            {"annotations", annotations}};
  if (!platform.empty())
    json["platform"] = {{"os", platform.substr(0, slash)}, {"architecture", platform.substr(slash + 1)}};
  return json;
}

}  // namespace

TEST_CASE("digests hold nothing but sha256 and 64 lower-case digits") {
  CHECK(Digest::parse("sha256:" + hex).str() == "sha256:" + hex);
  CHECK(sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  for (const std::string& bad :
       {std::string(), hex, "sha512:" + hex, "sha256:" + hex + "a", "sha256:" + hex.substr(1),
        "sha256:" + std::string(64, 'A'), "sha256:../" + hex.substr(3), "sha256:" + std::string(64, 'g')})
    CHECK_ERROR(Digest::parse(bad), format, "");
  Sha256 running;
  running.update("a");
  running.update("bc");
  CHECK(running.finish() == sha256("abc"));
  CHECK(running.finish() == sha256(""));
}

TEST_CASE("references take their full form") {
  const auto full = [](const char* text) { return Reference::parse(text).str(); };
  CHECK(full("alpine") == "docker.io/library/alpine:latest");
  CHECK(full("docker.io/alpine:3") == "docker.io/library/alpine:3");
  CHECK(full("index.docker.io/library/alpine:3") == "docker.io/library/alpine:3");
  CHECK(full("digitalocean/do-csi-plugin:v4.10.0") == "docker.io/digitalocean/do-csi-plugin:v4.10.0");
  CHECK(full("localhost/x") == "localhost/x:latest");
  CHECK(full("127.0.0.1:5000/a/b__c:V_1") == "127.0.0.1:5000/a/b__c:V_1");
  CHECK(full("[::1]:5000/a:1") == "[::1]:5000/a:1");
  const auto pinned = Reference::parse("quay.io/cilium/cilium:v1.15.6@sha256:" + hex);
  CHECK(pinned.tag.value() == "v1.15.6");
  CHECK(pinned.id().str() == "sha256:" + hex);
  CHECK(pinned.str() == "quay.io/cilium/cilium:v1.15.6@sha256:" + hex);
  CHECK_FALSE(Reference::parse("quay.io/a@sha256:" + hex).tag);
}

TEST_CASE("malformed references are refused") {
  const std::vector<std::string> malformed{"",
                                           "quay.io/",
                                           "quay.io/A/b",
                                           "quay.io/a:",
                                           "quay.io/a:-x",
                                           "quay.io//a",
                                           "quay.io/a/../b",
                                           "quay.io/a b",
                                           "quay.io:99999/a",
                                           "-host.io/a",
                                           "quay.io/a_.b",
                                           "quay.io/a@sha256:abc",
                                           "quay.io/a:" + std::string(129, 'x'),
                                           "quay.io/a\n",
                                           "quay.io/" + std::string(256, 'a')};
  for (const auto& bad : malformed) {
    INFO(bad);
    CHECK_ERROR(Reference::parse(bad), selection, "not an image reference");
  }
}

TEST_CASE("manifests") {
  const auto type = media_type::oci_manifest;
  const auto document = parse_document(a_manifest().dump(), type);
  REQUIRE(document.manifest() != nullptr);
  CHECK(document.manifest()->layers.size() == 1);
  CHECK(document.index() == nullptr);

  Json body = a_manifest();
  SECTION("media type that differs between body and descriptor") {
    CHECK_ERROR(parse_document(body.dump(), media_type::docker_manifest), format, "the body has media type");
  }
  SECTION("manifest and index in one body") {
    body["manifests"] = Json::array();
    CHECK_ERROR(parse_document(body.dump(), type), format, "both an index and an image manifest");
  }
  SECTION("a Docker manifest must say what it is") {
    body.erase("mediaType");
    CHECK_NOTHROW(parse_document(body.dump(), type));
    CHECK_ERROR(parse_document(body.dump(), media_type::docker_manifest), format, "\"mediaType\" is missing");
  }
  SECTION("types that are not carried") {
    CHECK_ERROR(parse_document(body.dump(), "application/vnd.docker.distribution.manifest.v1+prettyjws"), format,
                "is not supported");
  }
  SECTION("schema version") {
    body["schemaVersion"] = 1;
    CHECK_ERROR(parse_document(body.dump(), type), format, "schemaVersion");
  }
  SECTION("negative size") {
    body["layers"][0]["size"] = -1;
    CHECK_ERROR(parse_document(body.dump(), type), format, "size: not an integer");
  }
  SECTION("embedded data that differs from its digest") {
    body["layers"][0]["data"] = "YWJj";
    CHECK_ERROR(parse_document(body.dump(), type), format, "embedded data differs");
    body["layers"][0]["digest"] = sha256("abc").str();
    CHECK_NOTHROW(parse_document(body.dump(), type));
    body["layers"][0]["size"] = 4;
    CHECK_ERROR(parse_document(body.dump(), type), format, "embedded data differs");
  }
  SECTION("duplicate keys") {
    std::string text = body.dump();
    text.insert(1, R"("schemaVersion":2,)");
    CHECK_ERROR(parse_document(text, type), format, "appears twice");
  }
  SECTION("too large") {
    CHECK_ERROR(parse_document(std::string(max_manifest_size + 1, ' '), type), format, "more than the 4194304 allowed");
  }
  SECTION("too many members") {
    body["layers"] = Json::array();
    for (int i = 0; i < 10'001; ++i) body["layers"].push_back(a_descriptor());
    CHECK_ERROR(parse_document(body.dump(), type), format, "more than 10000 members");
  }
}

TEST_CASE("platform selection takes matching members and their attestations") {
  const Json body{
      {"schemaVersion", 2},
      {"manifests",
       Json::array(
           {member('1', "linux/amd64"), member('2', "linux/s390x"), member('3', ""),
            member('4', "unknown/unknown", {{"vnd.docker.reference.digest", "sha256:" + std::string(64, '1')}}),
            member('5', "unknown/unknown", {{"vnd.docker.reference.digest", "sha256:" + std::string(64, '2')}})})}};
  const std::string text = body.dump();
  const auto document = parse_document(text, media_type::oci_index);
  const auto taken = [&](const PlatformSelection& platforms) {
    std::string digits;
    for (const auto& descriptor : select_members(*document.index(), platforms)) digits += descriptor.digest.hex()[0];
    return digits;
  };
  CHECK(taken(PlatformSelection::parse({"linux/amd64"})) == "134");
  CHECK(taken(PlatformSelection::parse({"linux/s390x", "linux/amd64"})) == "12345");
  CHECK(taken(PlatformSelection::everything()) == "12345");
  CHECK(taken(PlatformSelection::parse({"windows/amd64"})) == "3");

  const std::set<Digest> present{Digest::from_hex(std::string(64, '1'))};
  const std::string derived = derive_index(text, present);
  CHECK(parse_document(derived, media_type::oci_index).index()->manifests.size() == 1);
  CHECK(derive_index(text, present) == derived);
}

TEST_CASE("platforms") {
  CHECK(Platform::parse("linux/arm/v7").str() == "linux/arm/v7");
  for (const char* bad : {"linux", "linux/", "/amd64", "a/b/c/d", ""})
    CHECK_ERROR(Platform::parse(bad), selection, "is not a platform");
  CHECK_ERROR(PlatformSelection::parse({"all", "linux/amd64"}), selection, "cannot be combined with others");
  CHECK(PlatformSelection::parse({"linux/arm64"}).wants(Platform::parse("linux/arm64/v8")));
  CHECK_FALSE(PlatformSelection::parse({"linux/arm/v7"}).wants(Platform::parse("linux/arm/v6")));
}
