// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/copy.hpp"

#include <algorithm>

#include "catch.hpp"
#include "memory_ports.hpp"
#include "transfer/plan.hpp"

using namespace airlock;
using namespace airlock::transfer;
using airlock::test::MemorySource;
using airlock::test::MemoryTarget;

namespace {

using Role = oci::GraphBuilder::Role;

/// Two images, an index with two members and a signature, and a single manifest, which share a layer.
struct Set {
  Set() {
    oci::Descriptor amd64 = source.add_manifest("amd64", {"the shared layer", "a"});
    oci::Descriptor arm64 = source.add_manifest("arm64", {"the shared layer", "bbb"});
    amd64.platform = oci::Platform::parse("linux/amd64");
    arm64.platform = oci::Platform::parse("linux/arm64");
    add_image("quay.io/a/index:1", source.add_index({source.add_index({amd64}), arm64}));
    add_image("quay.io/b/single:1", source.add_manifest("single", {"the shared layer"}));
    const auto signature = source.add_manifest("{}", {"signature"}, {{"subject", images[0].descriptor.to_json()}});
    images[0].referrers.push_back({signature, std::nullopt});
    oci::GraphBuilder builder({oci::PlatformSelection::everything(), Side::source, ""});
    for (const auto& image : images) records::add_to_graph(builder, image, source.fetch());
    graph = builder.take();
    for (const auto& image : images)
      destinations.push_back(
          {&image,
           {oci::Registry::parse("local:5000"), oci::Repository::parse(image.source.repository.str())},
           oci::Tag::parse("1")});
  }

  void add_image(const char* name, const oci::Descriptor& descriptor) {
    images.push_back({oci::Reference::parse(name), descriptor, {}, {}, {}});
  }

  CopySummary run(MemoryTarget& target, CopyOptions options = {}) {
    Reporter reporter({ReporterOptions::Form::plain, true, false});
    return copy(graph, destinations, source, target, options, reporter);
  }

  MemorySource source;
  std::vector<records::Image> images;
  oci::Graph graph;
  std::vector<Destination> destinations;
};

CopyOptions alone() {
  CopyOptions options;
  options.jobs = 1;
  return options;
}

}  // namespace

TEST_CASE("copy: blobs, then documents from the inside out, then referrers and names, then a look") {
  Set set;
  MemoryTarget target(set.graph);
  bool recorded = false;
  CopyOptions options;
  options.before_names = [&] {
    recorded = true;
    CHECK(target.names.empty());
    CHECK(target.count("document ") == 4);
    CHECK(target.count("referrer ") == 0);
  };
  const auto summary = set.run(target, options);
  CHECK(recorded);
  CHECK(summary.published.size() == 2);
  CHECK(summary.blobs_sent == 9);  // the shared layer is needed in two repositories
  CHECK(target.first("look ") < target.first("put "));
  CHECK(target.first("document ") > target.first("put "));
  CHECK(target.count("referrer ") == 1);
  CHECK(target.first("name ") > target.first("referrer "));
  CHECK(target.first("read ") > target.first("name "));
}

TEST_CASE("copy: the largest blob first, configs before all where the target parses them") {
  Set set;
  MemoryTarget target(set.graph);
  set.run(target, alone());
  CHECK(target.calls[target.first("put ")] == "put the shared layer");
  MemoryTarget parsing(set.graph);
  parsing.configs_first = true;
  set.run(parsing, alone());
  CHECK(parsing.calls[parsing.first("put ")] == "put single");
  CHECK(parsing.first("put {}") < parsing.first("put the shared layer"));
}

TEST_CASE("copy: what others wait for comes first, what others send comes last") {
  Set set;
  const auto node = [&](const std::string& text) { return &set.graph.at(oci::sha256(text)); };
  const registry::Repository elsewhere{oci::Registry::parse("local:5000"), oci::Repository::parse("c/other")};
  CopyOptions options = alone();
  options.shared = {{node("a"), {true, {elsewhere}}}, {node("the shared layer"), {false, {elsewhere}}}};
  MemoryTarget target(set.graph);
  set.run(target, options);
  CHECK(target.calls[target.first("put ")] == "put a");
  CHECK(target.calls[target.first("document ") - 1] == "put the shared layer");
  CHECK(target.asked_elsewhere == std::set{node("a")->digest, node("the shared layer")->digest});
}

TEST_CASE("copy: what is there is not sent again") {
  Set set;
  MemoryTarget target(set.graph);
  set.run(target);
  target.calls.clear();
  const auto again = set.run(target);
  CHECK(target.calls.size() == 2);
  CHECK(again.published.size() == 2);
  CHECK(again.published[0].present_before);
  CHECK(again.blobs_sent == 0);
  // One name is gone: its blobs are known to be where the other image's are.
  target.names.erase("local:5000/b/single:1");
  const auto one = set.run(target);
  CHECK(one.published[0].present_before);
  CHECK_FALSE(one.published[1].present_before);
}

TEST_CASE("copy: names that would move are told, or nothing is sent") {
  Set set;
  MemoryTarget target(set.graph);
  target.names.emplace("local:5000/b/single:1", oci::sha256("old"));
  CopyOptions keep;
  keep.existing = Existing::keep;
  CHECK_ERROR(set.run(target, keep), registry, "1 name would move, and --keep-existing forbids it");
  CHECK(target.count("put ") == 0);
  const auto summary = set.run(target);
  REQUIRE(summary.moves.size() == 1);
  CHECK(summary.moves[0].from == oci::sha256("old"));
}

TEST_CASE("copy: fails at each of its calls in turn, and the next run finishes what is left") {
  Set set;
  std::size_t calls = SIZE_MAX;
  for (std::size_t n = 0; n < calls; ++n) {
    MemoryTarget target(set.graph);
    target.fail_at = n;
    bool recorded = false;
    CopyOptions options = alone();
    options.before_names = [&] { recorded = true; };
    CHECK_ERROR(set.run(target, options), registry, "it failed");
    INFO("failed at call " << n << ", " << target.calls.back());
    CHECK(recorded == (target.count("referrer ") + target.count("name ") + target.count("read ") > 0));
    CHECK((target.names.empty() || target.count("document ") == 4));
    target.fail_at = SIZE_MAX;
    const auto summary = set.run(target);
    CHECK(summary.published.size() == 2);
    CHECK(target.names.size() == 2);
    if (n == 0) {
      MemoryTarget whole(set.graph);
      set.run(whole, alone());
      calls = whole.calls.size();
    }
  }
}

TEST_CASE("copy: a delta's blobs are looked for before anything is sent") {
  Set set;
  const auto lacking = oci::sha256("the shared layer");
  set.source.lacking = {lacking};
  MemoryTarget target(set.graph);
  CopyOptions options = alone();
  options.base_advice = "first import the base";
  try {
    set.run(target, options);
    FAIL("no Error");
  } catch (const Error& error) {
    CHECK_THAT(error.what(), ContainsSubstring("lacks 1 blob that it depends on"));
    CHECK(error.hint() == "first import the base");
  }
  CHECK(target.count("put ") == 0);
  target.held["local:5000/b/single"].insert(lacking);
  const auto summary = set.run(target, options);
  CHECK(summary.blobs_mounted == 2);
}

TEST_CASE("copy: what the target does not want is neither looked for nor put") {
  Set set;
  const auto layer = oci::sha256("bbb");
  set.source.lacking = {layer};
  MemoryTarget target(set.graph);
  target.unwanted = {layer};
  target.held["local:5000/a/index"].insert(layer);
  CHECK(set.run(target, alone()).blobs_sent == 8);
  CHECK(target.count("has ") == 0);
}

TEST_CASE("copy: what an earlier run left wrong is put afresh, once") {
  Set set;
  MemoryTarget target(set.graph);
  target.again_once = {oci::sha256("bbb")};
  CHECK(set.run(target, alone()).blobs_sent == 9);
  CHECK(target.count("put bbb") == 2);
  CHECK(target.count("put bbb afresh") == 1);
}

TEST_CASE("copy: parts, a target that only looks, and one that forgets") {
  Set set;
  MemoryTarget target(set.graph);
  target.part_count = 3;
  CHECK(set.run(target).blobs_sent == 9);
  CHECK(target.count("put ") == 3 * 8);
  MemoryTarget looking(set.graph);
  looking.needs_bytes = false;
  set.source.lacking = {oci::sha256("bbb")};
  for (const auto* repository : {"local:5000/a/index", "local:5000/b/single"})
    for (const auto& [digest, text] : set.source.texts) looking.held[repository].insert(digest);
  CHECK_ERROR(set.run(looking), internal, "nowhere to mount it from");
  CHECK(looking.count("has ") == 0);
  set.source.lacking.clear();
  MemoryTarget forgetful(set.graph);
  forgetful.forgetful = true;
  CHECK_ERROR(set.run(forgetful), registry, "does not serve what was stored");
}

TEST_CASE("a source that can only send gives its bytes to those who ask too") {
  MemorySource source;
  const auto manifest = source.add_manifest("config", {"a layer of some length"});
  oci::GraphBuilder builder({oci::PlatformSelection::everything(), Side::source, ""});
  builder.add(manifest, Role::image, source.fetch());
  const oci::Graph graph = builder.take();
  const oci::Node& layer = graph.at(oci::sha256("a layer of some length"));
  const auto whole = open_by_sending(source, layer);
  std::string text;
  for (auto piece = whole->next(); !piece.empty(); piece = whole->next()) text += piece;
  CHECK(text == "a layer of some length");
  CHECK(open_by_sending(source, layer)->next() == "a l");  // and is left in the middle
  source.texts[layer.digest] = "a layer of some lengtX";
  const auto wrong = open_by_sending(source, layer);
  text.clear();
  const auto read = [&] {
    for (auto piece = wrong->next(); !piece.empty(); piece = wrong->next()) text += piece;
  };
  CHECK_ERROR((read(), 0), format, "the bytes received are others");
  CHECK(text == "a layer of some lengt");
}
