// SPDX-License-Identifier: Apache-2.0
// Attacks on a whole bundle: signed by the exporter's own key, so that only the reader's strictness stops them.
// refused_archives.cpp and refused_metadata.cpp have what a damaged or carelessly made bundle looks like.
#include <map>

#include "airlock/flow/verify.hpp"
#include "airlock/oci/graph_builder.hpp"
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
              format, "the body has media type");
  CHECK_ERROR(verify(with_manifest(right_manifest().dump(), index_type).bytes()), format, "the body has media type");
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

namespace {

/// A small manifest that refers to something, and what it needs.
std::string referrer_text(const std::optional<std::string>& subject) {
  Json json = Json::parse(manifest_text(config, {layer_text()}));
  if (subject) json["subject"] = {{"mediaType", manifest_type}, {"digest", *subject}, {"size", 1}};
  json["annotations"] = {{"what", "a signature"}};
  return json.dump();
}

/// One image with one referrer, which stands in the archive's order.
TestBundle with_referrer(const std::string& referrer, const std::optional<std::string>& tag) {
  const std::string manifest = manifest_text(config, {layer_text()});
  TestBundle bundle = make_bundle({{"quay.io/a:1", manifest, manifest_type}}, {}, {config, layer_text()});
  auto& image = bundle.metadata.images[0];
  records::Referrer added{{manifest_type, oci::sha256(referrer), referrer.size(), std::nullopt, {}}, std::nullopt};
  if (tag) added.tag = oci::Tag::parse(*tag);
  image.referrers.push_back(added);
  std::map<oci::Digest, std::string> manifests{{oci::sha256(manifest), manifest}, {oci::sha256(referrer), referrer}};
  std::vector<records::Blob> blobs;
  std::vector<TestBundle::Entry> entries(bundle.entries.begin(), bundle.entries.begin() + 3);
  for (const auto& [digest, text] : manifests) {
    blobs.push_back({digest, text.size(), manifest_type});
    entries.emplace_back("blobs/sha256/" + digest.hex(), text);
  }
  blobs.insert(blobs.end(), bundle.metadata.blobs.begin() + 1, bundle.metadata.blobs.end());
  entries.insert(entries.end(), bundle.entries.begin() + 4, bundle.entries.end());
  bundle.metadata.blobs = blobs;
  bundle.entries = entries;
  bundle.content("bundle.json") = bundle.metadata.format();
  bundle.content("index.json") = bundle::format_index(bundle.metadata.images);
  return bundle;
}

std::string image_digest() { return oci::sha256(manifest_text(config, {layer_text()})).str(); }
std::string own_tag() { return "sha256-" + image_digest().substr(7) + ".sig"; }

void replace_in(TestBundle& bundle, const std::string& from, const std::string& to) {
  for (const char* name : {"bundle.json", "index.json"}) {
    auto& text = bundle.content(name);
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
}

}  // namespace

TEST_CASE("attack: a referrer that brings a name of its own") {
  CHECK_NOTHROW(verify(with_referrer(referrer_text(std::nullopt), own_tag()).bytes()));
  CHECK_NOTHROW(verify(with_referrer(referrer_text(image_digest()), std::nullopt).bytes()));
  const std::string others = "sha256-" + oci::sha256("another image").hex() + ".sig";
  CHECK_ERROR(verify(with_referrer(referrer_text(std::nullopt), others).bytes()), format, "is about another image");
  for (const std::string& tag : {std::string("3.8"), std::string("latest"), own_tag() + "x"})
    CHECK_ERROR(verify(with_referrer(referrer_text(std::nullopt), tag).bytes()), format, "is not a tag of a signature");
  auto path = with_referrer(referrer_text(std::nullopt), own_tag());
  replace_in(path, own_tag(), "../../../other/app/manifests/prod");
  CHECK_ERROR(verify(path.bytes()), format, "is not a tag of a signature");
  auto named = with_referrer(referrer_text(std::nullopt), own_tag());
  replace_in(named, "io.airlock.referrer.tag", "org.opencontainers.image.ref.name");
  CHECK_ERROR(verify(named.bytes()), format, "unknown key \"org.opencontainers.image.ref.name\"");
}

TEST_CASE("attack: a referrer that is about another image") {
  const std::string other = oci::sha256("another image").str();
  CHECK_ERROR(verify(with_referrer(referrer_text(other), std::nullopt).bytes()), format,
              "is about another image, " + other);
  CHECK_ERROR(verify(with_referrer(referrer_text(other), own_tag()).bytes()), format, "is about another image");
}

TEST_CASE("attack: annotations and platforms in the bundle's own lists") {
  for (const char* more : {R"("annotations":{"io.containerd.image.name":"docker.io/evil:1"},"digest":")",
                           R"("platform":{"architecture":"amd64","os":"linux"},"digest":")"}) {
    TestBundle bundle = good_bundle();
    auto& text = bundle.content("bundle.json");
    const auto at = text.find("\"descriptor\":{\"digest\":\"");
    REQUIRE(at != std::string::npos);
    text.replace(at, 24, std::string("\"descriptor\":{") + more);
    CHECK_ERROR(verify(bundle.bytes()), format, "unknown key");
  }
}

TEST_CASE("attack: a pinned source that is not what the descriptor says") {
  TestBundle bundle = good_bundle();
  auto& image = bundle.metadata.images[1];
  image.source = oci::Reference::parse("registry.k8s.io/b:1@" + oci::sha256("pinned").str());
  bundle.content("bundle.json") = bundle.metadata.format();
  bundle.content("index.json") = bundle::format_index(bundle.metadata.images);
  CHECK_ERROR(verify(bundle.bytes()), format, "it is pinned to " + oci::sha256("pinned").str());
}

TEST_CASE("attack: two images for one name in the local registry") {
  const auto two = [](const std::string& one, const std::string& other) {
    return make_bundle({{one, manifest_text("{}", {layer_text()}), manifest_type},
                        {other, manifest_text(R"({"other":true})", {layer_text()}), manifest_type}},
                       {}, {"{}", R"({"other":true})", layer_text()})
        .bytes();
  };
  const auto content = [](const std::string& bytes) {
    Reporter reporter({ReporterOptions::Form::plain, true, false});
    return flow::verify_content(std::make_shared<MemoryMedium>(bytes), alices_policy(), {}, reporter);
  };
  CHECK_NOTHROW(content(two("quay.io/a:1", "registry.k8s.io/a:2")));
  CHECK_ERROR(content(two("quay.io/a:1", "registry.k8s.io/a:1")), format, "both become a:1 in the local registry");
  CHECK_ERROR(content(two("registry.k8s.io/coredns:v1", "registry.k8s.io/coredns/coredns:v1")), format,
              "both become coredns");
}

TEST_CASE("attack: one digest under two types, and a config with two readings") {
  Json index{{"schemaVersion", 2}, {"mediaType", index_type}, {"manifests", Json::array()}};
  Json plain = right_manifest();
  plain.erase("mediaType");
  const std::string inner = plain.dump();
  for (const char* type : {"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"})
    index["manifests"].push_back({{"mediaType", type},
                                  {"digest", oci::sha256(inner).str()},
                                  {"size", inner.size()},
                                  {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}});
  const std::string text = index.dump();
  const oci::Descriptor root{index_type, oci::sha256(text), text.size(), std::nullopt, {}};
  oci::GraphBuilder builder({oci::PlatformSelection::everything(), Side::none, ""});
  CHECK_ERROR(builder.add(root, oci::GraphBuilder::Role::image,
                          [&](const oci::Digest& digest) -> std::optional<oci::RawDocument> {
                            return digest == root.digest ? oci::RawDocument{index_type, text, digest}
                                                         : oci::RawDocument{manifest_type, inner, digest};
                          }),
              format, "different types");
  Json twice = right_manifest();
  twice["layers"].push_back(twice["layers"][0]);
  twice["layers"][1]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd";
  CHECK_ERROR(verify(with_manifest(twice.dump()).bytes()), format, "compressed in different ways");

  const std::string odd = R"({"os":"linux","RootFS":{},"rootfs":{}})";
  CHECK_ERROR(
      verify(make_bundle({{"quay.io/a:1", manifest_text(odd, {layer_text()}), manifest_type}}, {}, {odd, layer_text()})
                 .bytes()),
      format, "is not spelled \"rootfs\"");
}
