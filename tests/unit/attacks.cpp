// SPDX-License-Identifier: Apache-2.0
// Attacks on a whole bundle: signed by the exporter's own key, so that only the reader's strictness stops them.
// refusals.cpp has what a damaged or carelessly made bundle looks like.
#include "catch.hpp"
#include "test_bundle.hpp"

using namespace airlock;
using namespace airlock::test;

namespace {

const std::string manifest_type(oci::media_type::oci_manifest);
const std::string index_type(oci::media_type::oci_index);
const std::string config = "{}";

/// A bundle whose one image has this manifest; the blobs that it needs are there.
TestBundle with_manifest(const std::string& manifest, const std::string& type = manifest_type) {
  TestBundle bundle =
      make_bundle({{"quay.io/a:1", manifest_text(config, {layer_text()}), manifest_type}}, {}, {config, layer_text()});
  // What make_bundle() would refuse itself is put in afterwards, everywhere where the digest stands.
  const std::string old_hex = oci::sha256(manifest_text(config, {layer_text()})).hex();
  const std::string old_size = std::to_string(manifest_text(config, {layer_text()}).size());
  bundle.metadata.images[0].descriptor.digest = oci::sha256(manifest);
  bundle.metadata.images[0].descriptor.size = manifest.size();
  bundle.metadata.images[0].descriptor.media_type = type;
  bundle.metadata.blobs[0] = {oci::sha256(manifest), manifest.size(), type};
  bundle.content("bundle.json") = bundle.metadata.format();
  bundle.content("index.json") = bundle::format_index(bundle.metadata.images);
  for (auto& [name, text] : bundle.entries)
    if (name == "blobs/sha256/" + old_hex) {
      name = "blobs/sha256/" + oci::sha256(manifest).hex();
      text = manifest;
    }
  return bundle;
}

Json right_manifest() { return Json::parse(manifest_text(config, {layer_text()})); }

}  // namespace

TEST_CASE("attack: names that another file system would take for the same") {
  TestBundle bundle = good_bundle();
  bundle.entries.emplace_back("Index.json", bundle.content("index.json"));
  CHECK_ERROR(verify(bundle.bytes()), format, "Index.json does not belong into a bundle");
  TestBundle upper = good_bundle();
  auto& [name, text] = upper.entries.back();
  const std::string hex = oci::sha256(text).hex();
  std::string shouted = hex;
  std::transform(shouted.begin(), shouted.end(), shouted.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  upper.entries.emplace_back("blobs/sha256/" + shouted, text);
  CHECK_ERROR(verify(upper.bytes()), format, "is listed with another digest");
}

TEST_CASE("attack: a second index.json behind the first, and a second archive behind the end") {
  TestBundle bundle = good_bundle();
  bundle.entries.emplace_back("index.json", R"({"manifests":[]})");
  CHECK_ERROR(verify(bundle.bytes()), format, "index.json appears twice");
  const std::string one = good_bundle().bytes();
  CHECK_ERROR(verify(one + one), format, "data after the end of the archive");
}

TEST_CASE("attack: one body that is a manifest to one reader and an index to another") {
  Json body = right_manifest();
  body["manifests"] = Json::array();
  CHECK_ERROR(verify(with_manifest(body.dump()).bytes()), format, "both an index and an image manifest");
}

TEST_CASE("attack: a body of another media type than its descriptor says") {
  CHECK_ERROR(verify(with_manifest(right_manifest().dump(), std::string(oci::media_type::docker_manifest)).bytes()),
              format, "the body says media type");
  CHECK_ERROR(verify(with_manifest(right_manifest().dump(), index_type).bytes()), format, "the body says media type");
}

TEST_CASE("attack: duplicate keys in a manifest") {
  std::string text = right_manifest().dump();
  text.insert(1, R"("layers":[],)");
  CHECK_ERROR(verify(with_manifest(text).bytes()), format, "\"layers\" appears twice");
}

TEST_CASE("attack: nesting a hundred thousand deep") {
  const std::string deep = R"({"schemaVersion":2,"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  CHECK_ERROR(verify(with_manifest(deep).bytes()), format, "nested deeper than 64");
}

TEST_CASE("attack: embedded data that is not what its digest says") {
  Json body = right_manifest();
  body["config"]["data"] = base64_encode("[]");
  CHECK_ERROR(verify(with_manifest(body.dump()).bytes()), format, "embedded data differs");
}

TEST_CASE("attack: a manifest of a gigabyte, claimed or real") {
  TestBundle claimed = good_bundle();
  Json json = Json::parse(claimed.content("bundle.json"));
  json["blobs"][0]["size"] = 1U << 30;
  claimed.content("bundle.json") = json.dump();
  CHECK_ERROR(verify(claimed.bytes()), format, "does not list it so");
  TestBundle header = good_bundle();
  header.patch = [](const std::string& name, bundle::tar::Block& block) {
    const auto huge = bundle::tar::make_header({name, 1U << 30});
    if (name.starts_with("blobs/")) block = huge;
  };
  CHECK_ERROR(verify(header.bytes()), format, "is cut short");
  const std::string padded = R"({"schemaVersion":2,"x":")" + std::string(5U << 20, ' ') + "\"}";
  CHECK_ERROR(verify(with_manifest(padded).bytes()), format, "is larger than 4.0 MiB");
}

TEST_CASE("attack: a signature entry of a gigabyte") {
  TestBundle bundle = good_bundle();
  bundle.patch_region = [](std::string region) {
    const auto huge = bundle::tar::make_header({"signatures/alice.sig", 1U << 30});
    return region.replace(0, huge.size(), huge.data(), huge.size());
  };
  CHECK_ERROR(verify(bundle.bytes()), format, "is cut short");
}

TEST_CASE("attack: the same key under two names, and a list that others could read differently") {
  TestBundle bundle = good_bundle();
  const std::string sums = bundle.right_sums();
  trust::PolicyContent content;
  content.origin = "p.yaml";
  content.keys = {{"alice", alice().public_key()}, {"bob", mallory().public_key()}};
  content.streams["test"].requirements = {{"exporter", {"alice", "bob"}, 2, ""}};
  bundle.signatures = {{{"signatures/alice.sig", alice().sign(sums)}, {"signatures/bob.sig", alice().sign(sums)}}};
  Reporter reporter({ReporterOptions::Form::plain, true, false});
  CHECK_ERROR(bundle::verify(std::make_shared<MemoryMedium>(bundle.bytes()), trust::Policy(content), {}, reporter),
              trust, "1 of 2 required signatures by alice, bob");
  bundle.sums = "\\" + sums;  // GNU sha256sum would take the backslash for an escaped name
  bundle.signatures.reset();
  CHECK_ERROR(verify(bundle.bytes()), format, "SHA256SUMS line 1");
}
