// SPDX-License-Identifier: Apache-2.0
// The malformed bundles: each has exactly one defect, and everything else, sums and signature included, fits it.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "test_bundle.hpp"

using namespace airlock;
using namespace airlock::test;

TEST_CASE("metadata that does not hold together") {
  TestBundle bundle = good_bundle();
  std::string& json = bundle.content("bundle.json");
  const auto edit = [&](const std::function<void(Json&)>& change) {
    Json value = Json::parse(json);
    change(value);
    json = value.dump();
    return verify(bundle.bytes());
  };
  SECTION("duplicate keys") {
    json.insert(1, R"("blobs":[],)");
    CHECK_ERROR(verify(bundle.bytes()), format, "\"blobs\" appears twice");
  }
  SECTION("nesting") {
    json = std::string(100'000, '[') + std::string(100'000, ']');
    CHECK_ERROR(verify(bundle.bytes()), format, "nested deeper than 16");
  }
  SECTION("another form") {
    json += " ";
    CHECK_ERROR(verify(bundle.bytes()), format, "not in canonical form");
  }
  SECTION("keys and values") {
    CHECK_ERROR(edit([](Json& v) { v["extra"] = 1; }), format, "unknown key \"extra\"");
    CHECK_ERROR(edit([](Json& v) { v["images"][0]["extra"] = 1; }), format, "unknown key \"extra\"");
  }
  SECTION("another format version") {
    CHECK_ERROR(edit([](Json& v) {
                  v["mediaType"] = "application/vnd.airlock.bundle.v2+json";
                  v["what it says"] = "is not looked at";
                }),
                format, "unknown format");
  }
  SECTION("what a later writer may add") {
    const Json extension{{"a", {1, true, nullptr, "x"}}};
    const auto with = [&](const char* name, const Json& value) {
      return edit([&](Json& v) { v["extensions"][name] = value; });
    };
    CHECK(with("provenance.v1", extension).metadata().extensions.at("provenance.v1") == extension.dump());
    CHECK(with("count", 7).metadata().extensions.at("count") == "7");
    CHECK_ERROR(with("../x", extension), format, "extensions: \"../x\" cannot name one");
    CHECK_ERROR(with("float", 0.5), format, "bundle.json");
    CHECK_ERROR(edit([](Json& v) { v["extensions"] = Json::object(); }), format, "extensions: an empty object");
    CHECK_ERROR(edit([](Json& v) { v["extensions"] = "x"; }), format, "extensions");
  }
  SECTION("missing key") {
    CHECK_ERROR(edit([](Json& v) { v.erase("serial"); }), format, "\"serial\" is missing");
  }
  SECTION("stream") {
    CHECK_ERROR(edit([](Json& v) { v["stream"] = "../x"; }), format, "malformed stream name");
  }
  SECTION("time") {
    CHECK_ERROR(edit([](Json& v) { v["created"] = "yesterday"; }), format, "created: not a time");
  }
  SECTION("no image") {
    CHECK_ERROR(edit([](Json& v) { v["images"] = Json::array(); }), format, "it names no image");
  }
  SECTION("control characters in what is quoted") {
    Json value = Json::parse(json);
    value["mediaType"] =
        "x\n\xC2\x9B"
        "1mverified\xE2\x80\xAE";
    json = value.dump();
    CHECK_ERROR(verify(bundle.bytes()), format, "unknown format x??1mverified?");
  }
  SECTION("an image twice") {
    CHECK_ERROR(edit([](Json& v) { v["images"].push_back(v["images"][1]); }), format, "one appears twice");
  }
  SECTION("an image that index.json does not have") {
    CHECK_ERROR(edit([](Json& v) { v["images"].erase(1); }), format, "index.json does not list the images");
  }
  SECTION("a blob that is not listed") {
    CHECK_ERROR(edit([](Json& v) { v["blobs"].erase(9); }), format,
                "belongs to an image but bundle.json does not list it");
  }
  SECTION("a blob that no image needs") {
    CHECK_ERROR(edit([](Json& v) {
                  Json blob = v["blobs"][9];
                  blob["digest"] = oci::sha256("other").str();
                  v["blobs"].push_back(blob);
                }),
                format, "is listed in bundle.json but no image needs it");
  }
  SECTION("another order") {
    CHECK_ERROR(edit([](Json& v) { std::swap(v["blobs"][8], v["blobs"][9]); }), format, "blobs are not in order");
  }
  SECTION("a size that differs") {
    CHECK_ERROR(edit([](Json& v) { v["blobs"][9]["size"] = 5; }), format, "does not list it so");
  }
  SECTION("a delta") {
    // The last layer is not carried but left to the base.
    const auto rely = [&](const std::function<void(Json&)>& change) {
      Json value = Json::parse(json);
      value["base"] = {{"sources", Json::array()}, {"blobs", Json::array({value["blobs"][9]})}};
      value["blobs"].erase(9);
      change(value);
      json = value.dump();
      bundle.entries.pop_back();
      return bundle.bytes();
    };
    SECTION("as it is") {
      const auto verified = verify(rely([](Json&) {}));
      CHECK(verified.is_in_base(verified.metadata().base.blobs.at(0).digest));
      CHECK_FALSE(verified.is_in_base(verified.metadata().blobs.at(0).digest));
    }
    SECTION("a blob on both sides") {
      CHECK_ERROR(verify(rely([](Json& v) { v["base"]["blobs"].push_back(v["blobs"][8]); })), format,
                  "is both carried and left to the base");
    }
    SECTION("a manifest that is left to the base") {
      CHECK_ERROR(verify(rely([](Json& v) {
                    v["base"]["blobs"].push_back(v["blobs"][0]);
                    v["blobs"].erase(0);
                  })),
                  format, "every bundle carries its manifests");
    }
    SECTION("relying on what no image needs") {
      CHECK_ERROR(verify(rely([](Json& v) {
                    Json blob = v["blobs"][8];
                    blob["digest"] = oci::sha256("other").str();
                    v["base"]["blobs"].push_back(blob);
                  })),
                  format, "no image needs it");
    }
    SECTION("an empty base") {
      CHECK_ERROR(verify(rely([](Json& v) { v["base"]["blobs"] = Json::array(); })), format, "an empty base");
    }
    SECTION("an unknown key") {
      CHECK_ERROR(verify(rely([](Json& v) { v["base"]["extra"] = 1; })), format, "unknown key \"extra\"");
    }
    SECTION("an entry that is there all the same") {
      const auto spare = bundle.entries.back();
      rely([](Json&) {});
      bundle.entries.push_back(spare);
      CHECK_ERROR(verify(bundle.bytes()), format, "no image needs it");
    }
  }
  SECTION("layout and index") {
    bundle.content("oci-layout") = R"({"imageLayoutVersion":"1.0.1"})";
    CHECK_ERROR(verify(bundle.bytes()), format, "oci-layout");
  }
  SECTION("an entry that no image needs") {
    const std::string text = "stowaway";
    bundle.entries.emplace_back("blobs/sha256/" + oci::sha256(text).hex(), text);
    CHECK_ERROR(verify(bundle.bytes()), format, "no image needs it");
  }
  SECTION("an entry that is missing") {
    bundle.entries.pop_back();
    CHECK_ERROR(verify(bundle.bytes()), format, "is missing");
  }
  SECTION("entries in another order") {
    std::swap(bundle.entries[bundle.entries.size() - 1], bundle.entries[bundle.entries.size() - 2]);
    CHECK_ERROR(verify(bundle.bytes()), format, "not in the order of the bundle format");
  }
}

TEST_CASE("images that do not hold together") {
  const std::string type(oci::media_type::oci_manifest);
  const std::string config = "{}";
  SECTION("a layer whose descriptor says another size") {
    Json manifest = Json::parse(manifest_text(config, {layer_text()}));
    manifest["layers"][0]["size"] = 5;
    CHECK_ERROR(verify(make_bundle({{"quay.io/a:1", manifest.dump(), type}}, {}, {config, layer_text()}).bytes()),
                format, "its descriptor says 5");
  }
  SECTION("a manifest whose index says another size") {
    const std::string manifest = manifest_text(config, {layer_text()});
    const Json index{
        {"schemaVersion", 2},
        {"mediaType", oci::media_type::oci_index},
        {"manifests", Json::array({{{"mediaType", type}, {"digest", oci::sha256(manifest).str()}, {"size", 5}}})}};
    CHECK_ERROR(make_bundle({{"quay.io/a:1", index.dump(), std::string(oci::media_type::oci_index)}}, {manifest},
                            {config, layer_text()}),
                format, "of 5 bytes, but is");
  }
  SECTION("one digest with two sizes") {
    Json manifest = Json::parse(manifest_text(config, {layer_text(), layer_text()}));
    manifest["layers"][1]["size"] = 5;
    CHECK_ERROR(make_bundle({{"quay.io/a:1", manifest.dump(), type}}, {}, {config, layer_text()}), format,
                "different sizes");
  }
  SECTION("an index in an index in an index in an index in an index in an index") {
    std::string inner = manifest_text(config, {});
    std::string inner_type = type;
    std::vector<std::string> documents{inner};
    for (int i = 0; i < 6; ++i) {
      inner = Json{{"schemaVersion", 2},
                   {"manifests",
                    Json::array(
                        {{{"mediaType", inner_type}, {"digest", oci::sha256(inner).str()}, {"size", inner.size()}}})}}
                  .dump();
      inner_type = oci::media_type::oci_index;
      documents.push_back(inner);
    }
    CHECK_ERROR(make_bundle({{"quay.io/a:1", inner, inner_type}}, documents, {config}), format, "nested deeper than 4");
  }
}
