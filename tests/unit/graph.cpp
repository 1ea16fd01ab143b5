// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/graph.hpp"

#include "airlock/base/parallel.hpp"
#include "catch.hpp"
#include "memory_ports.hpp"

using namespace airlock;
using namespace airlock::oci;
using airlock::test::MemorySource;

namespace {

using Role = GraphBuilder::Role;

Descriptor on(Descriptor descriptor, const char* platform) {
  descriptor.platform = Platform::parse(platform);
  return descriptor;
}

GraphBuilder builder_for(std::vector<std::string> platforms = {"all"}) {
  return GraphBuilder({PlatformSelection::parse(platforms), Side::source, "ask another"});
}

std::string texts_of(const MemorySource& source, const Nodes& nodes) {
  std::string all;
  for (const Node* node : nodes) all += (node->is_document() ? std::string("D") : source.texts.at(node->digest)) + " ";
  return all;
}

}  // namespace

TEST_CASE("graph: each document is fetched and parsed once, whatever the number of images and threads") {
  MemorySource source;
  const auto amd64 = source.add_manifest("c1", {"shared", "l1"});
  const auto arm64 = source.add_manifest("c2", {"shared", "l2"});
  const auto index = source.add_index({on(amd64, "linux/amd64"), on(arm64, "linux/arm64")});
  const auto other = source.add_index({on(amd64, "linux/amd64")});
  GraphBuilder builder = builder_for();
  const auto before = documents_parsed();
  run_parallel(64, 8, [&](std::size_t i) {
    if (i % 3 == 0)
      builder.add(index, Role::image, source.fetch());
    else
      builder.add((i % 3 == 1 ? other : index).digest, Role::image, source.fetch());
  });
  CHECK(source.fetched == 4);
  CHECK(documents_parsed() - before == 4);
  const Graph graph = builder.take();
  const Nodes one = graph.closure({other.digest});
  const Nodes all = graph.closure({index.digest, other.digest});
  CHECK(texts_of(source, one) == "D D c1 l1 shared ");
  CHECK(all.size() == 4 + 2 + 3);
  CHECK(bytes_of(all) > bytes_of(one));
  CHECK(std::is_sorted(all.begin(), all.end(), [](const Node* a, const Node* b) { return a->kind < b->kind; }));
}

TEST_CASE("graph: documents whose bytes nobody needs are fetched once all the same") {
  MemorySource source;
  const auto amd64 = source.add_manifest("c1", {"l1"});
  const auto index = source.add_index({on(amd64, "linux/amd64")});
  GraphBuilder builder({PlatformSelection::everything(), Side::source, "ask another", {}, false});
  for (int i = 0; i < 2; ++i) {
    builder.add(index, Role::image, source.fetch());
    builder.add(amd64.digest, Role::image, source.fetch());
  }
  CHECK(source.fetched == 2);
  const Graph graph = builder.take();
  CHECK(graph.document(index.digest).empty());
  CHECK(graph.closure({index.digest}).size() == 4);

  GraphBuilder keeping = builder_for();
  keeping.add(index, Role::image, source.fetch());
  Graph kept = keeping.take();
  CHECK(sha256(kept.document(amd64.digest)) == amd64.digest);
  kept.forget_bytes();
  CHECK(kept.document(amd64.digest).empty());
  CHECK(kept.closure({index.digest}).size() == 4);
}

TEST_CASE("graph: platforms") {
  MemorySource source;
  const auto amd64 = source.add_manifest("c1", {"l1"});
  const auto s390x = source.add_manifest("c2", {"l2"});
  Descriptor attestation = source.add_manifest("c3", {"l3"});
  attestation.platform = Platform::unknown();
  attestation.annotations = {{"vnd.docker.reference.digest", amd64.digest.str()}};
  const auto index = source.add_index({on(amd64, "linux/amd64"), on(s390x, "linux/s390x"), attestation});
  GraphBuilder builder = builder_for({"linux/amd64"});
  const Node& top = builder.add(index, Role::image, source.fetch());
  CHECK(top.content->index);
  CHECK(top.content->sparse);
  CHECK(top.content->members.size() == 2);
  CHECK(top.content->offered.size() == 2);
  CHECK_FALSE(top.content->offers_unnamed);
  const Graph graph = builder.take();
  CHECK(graph.find(s390x.digest) == nullptr);
  CHECK_FALSE(graph.at(amd64.digest).artifact);
  CHECK(graph.at(attestation.digest).artifact);
}

TEST_CASE("graph: what is an artifact for one image may be another's image") {
  MemorySource source;
  const auto manifest = source.add_manifest("c", {"l"});
  const auto list = source.add_index({manifest});
  GraphBuilder builder = builder_for();
  builder.add(list, Role::referrer, source.fetch());
  CHECK(builder.add(manifest.digest, Role::referrer, source.fetch())->artifact);
  builder.add(list, Role::image, source.fetch());
  const Graph graph = builder.take();
  CHECK_FALSE(graph.at(list.digest).artifact);
  CHECK_FALSE(graph.at(manifest.digest).artifact);
}

TEST_CASE("graph: an index that is promised by digest has all its members, and those below it too") {
  MemorySource source;
  auto amd64 = source.add_manifest("amd64", {"l"});
  auto s390x = source.add_manifest("s390x", {"m"});
  amd64.platform = Platform::parse("linux/amd64");
  s390x.platform = Platform::parse("linux/s390x");
  const auto inner = source.add_index({amd64, s390x});
  const auto outer = source.add_index({inner});
  const auto build = [&](const std::vector<Descriptor>& roots) {
    GraphBuilder builder({PlatformSelection::parse({"linux/amd64"}), Side::source, "", {outer.digest}});
    for (const auto& root : roots) builder.add(root, Role::image, source.fetch());
    return builder.take();
  };
  CHECK(build({inner}).at(inner.digest).content->sparse);
  // Whatever the order in which images are met.
  for (const auto& graph : {build({inner, outer}), build({outer, inner})}) {
    CHECK_FALSE(graph.at(inner.digest).content->sparse);
    CHECK(graph.documents_of(outer.digest).size() == 4);
    CHECK(graph.find(s390x.digest) != nullptr);
  }
}

TEST_CASE("graph: referrers, also one that is an index") {
  MemorySource source;
  const auto image = source.add_manifest("c", {"l"});
  const auto other = source.add_manifest("c", {"m"});
  const Json about{{"subject", image.to_json()}, {"artifactType", "text/x"}, {"annotations", {{"a", "b"}}}};
  const auto signature = source.add_manifest("{}", {"signature"}, about);
  const auto list = source.add_index({source.add_manifest("s", {"t"})}, about);
  GraphBuilder builder = builder_for();
  const Node& top = builder.add(image, Role::image, source.fetch());
  const auto of_signature = source.add_manifest("{}", {"signature of it"}, {{"subject", signature.to_json()}});
  const auto subjects = builder.add_referrers(top, {of_signature, signature, list}, source.fetch());
  CHECK(subjects.contains(image.digest));
  CHECK(subjects.contains(signature.digest));
  const Node& wrong = builder.add(other, Role::image, source.fetch());
  CHECK_ERROR(builder.add_referrers(wrong, {signature}, source.fetch()), format, "is about another image, sha256:");
  CHECK_ERROR(builder.add_referrers(top, {of_signature}, source.fetch()), format, "is about another image, sha256:");
  const Graph graph = builder.take();
  CHECK(graph.at(signature.digest).content->listing.artifact_type == "text/x");
  CHECK(graph.at(signature.digest).content->listing.annotations.at("a") == "b");
  CHECK(texts_of(source, graph.closure({image.digest, list.digest})) == "D D D s c l t ");
}

TEST_CASE("graph: what is missing or not what it is called is refused, and tried again for the next image") {
  MemorySource source;
  const auto manifest = source.add_manifest("c", {"l"});
  const auto index = source.add_index({manifest});
  GraphBuilder builder = builder_for();
  CHECK(builder.add(sha256("nowhere"), Role::image, source.fetch()) == nullptr);
  const std::string text = source.texts.at(manifest.digest);
  source.types.erase(manifest.digest);
  CHECK_ERROR(builder.add(index, Role::image, source.fetch()), registry, "it is missing, although an index");
  source.types[manifest.digest] = oci::media_type::docker_manifest;
  CHECK_ERROR(builder.add(index, Role::image, source.fetch()), format, "it is described as");
  source.types[manifest.digest] = oci::media_type::oci_manifest;
  source.texts[manifest.digest] = text + " ";
  CHECK_ERROR(builder.add(index, Role::image, source.fetch()), format, "but is application/vnd.oci");
  source.texts[manifest.digest] = std::string(text.size(), 'x');
  CHECK_ERROR(builder.add(index, Role::image, source.fetch()), format, "its bytes have the digest");
  source.texts[manifest.digest] = text;
  CHECK(builder.add(index, Role::image, source.fetch()).content->members.size() == 1);
}

TEST_CASE("graph: one digest is one thing") {
  MemorySource source;
  const auto manifest = source.add_manifest("c", {"l"});
  GraphBuilder builder = builder_for();
  builder.add(manifest, Role::image, source.fetch());
  Descriptor larger = source.add_blob("l", "application/vnd.oci.image.layer.v1.tar+gzip");
  larger.size = 9;
  const auto with_layer = [&](const Descriptor& layer) {
    return source.add_manifest("c", {}, {{"layers", Json::array({layer.to_json()})}});
  };
  CHECK_ERROR(builder.add(with_layer(larger), Role::image, source.fetch()), format, "different sizes: 1 and 9");
  CHECK_ERROR(builder.add(with_layer(manifest), Role::image, source.fetch()), format, "both as a manifest and as");
  const auto zstd = source.add_blob("l", "application/vnd.oci.image.layer.v1.tar+zstd");
  CHECK_ERROR(builder.add(with_layer(zstd), Role::image, source.fetch()), format, "compressed in different ways");
  // Docker's name and the OCI's for the same bytes are both right; which one counts does not depend on the order.
  const auto docker = source.add_blob("l", "application/vnd.docker.image.rootfs.diff.tar.gzip");
  builder.add(with_layer(docker), Role::image, source.fetch());
  const Graph graph = builder.take();
  CHECK(graph.at(docker.digest).media_type == docker.media_type);
}

TEST_CASE("graph: an index that names one document ten thousand times costs its length") {
  MemorySource source;
  auto inner = source.add_manifest("c", {"l"});
  for (int depth = 0; depth < 3; ++depth) inner = source.add_index(std::vector<Descriptor>(10'000, inner));
  GraphBuilder builder = builder_for();
  builder.add(inner, Role::image, source.fetch());
  CHECK(source.fetched == 4);
  CHECK(builder.take().closure({inner.digest}).size() == 6);
}
