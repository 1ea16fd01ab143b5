// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "airlock/base/file.hpp"
#include "airlock/base/process.hpp"
#include "airlock/transfer/copy.hpp"
#include "airlock/transfer/layout_ports.hpp"
#include "catch.hpp"
#include "memory_ports.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::transfer;
using airlock::test::MemorySource;
using airlock::test::MemoryTarget;

namespace {

using Role = oci::GraphBuilder::Role;

oci::Graph graph_of(const oci::Descriptor& top, Source& source) {
  oci::GraphBuilder builder({oci::PlatformSelection::everything(), Side::source, ""});
  builder.add(top, Role::image, [&](const oci::Digest& digest) { return source.document(digest); });
  return builder.take();
}

Reporter& silent() {
  static Reporter reporter({ReporterOptions::Form::plain, true, false});
  return reporter;
}

}  // namespace

TEST_CASE("an OCI image layout: into it, out of it, and as another program reads it") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "layout";
  MemorySource source;
  auto member =
      source.add_manifest(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})", {});
  member.platform = oci::Platform::parse("linux/amd64");
  const auto top = source.add_index({member});
  const std::vector<records::Image> images{{oci::Reference::parse("quay.io/a/b:1"), top, {}, {}, {}}};
  const std::vector<Destination> destinations{
      {&images[0], {oci::Registry::parse("quay.io"), oci::Repository::parse("a/b")}, oci::Tag::parse("1")}};
  const oci::Graph graph = graph_of(top, source);
  {
    LayoutTarget target(path, graph);
    const auto summary = copy(graph, destinations, source, target, {}, silent());
    CHECK(summary.published.size() == 1);
    CHECK(summary.blobs_sent == 1);
    target.commit();
  }
  {
    LayoutTarget target(path, graph);
    CHECK(copy(graph, destinations, source, target, {}, silent()).published.at(0).present_before);
  }
  CHECK(read_layout_names(path).at("quay.io/a/b:1").digest == top.digest);
  LayoutSource layout(path);
  const oci::Graph again = graph_of(top, layout);
  MemoryTarget memory(again);
  CHECK(copy(again, destinations, layout, memory, {}, silent()).blobs_sent == 1);
  CHECK(memory.names.at("quay.io/a/b:1") == top.digest);

  const auto read =
      run_process({"skopeo", "inspect", "--raw", "oci:" + path.string() + ":quay.io/a/b:1"}, "", 1U << 20);
  if (!read)
    WARN("skipped: skopeo is not installed");
  else
    CHECK(read->output == source.texts.at(top.digest));
}

TEST_CASE("an OCI image layout that is damaged, or none") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "layout";
  MemorySource source;
  const auto top = source.add_manifest("{}", {"a layer"});
  const std::vector<records::Image> images{{oci::Reference::parse("quay.io/a/b:1"), top, {}, {}, {}}};
  const std::vector<Destination> destinations{
      {&images[0], {oci::Registry::parse("quay.io"), oci::Repository::parse("a/b")}, oci::Tag::parse("1")}};
  const oci::Graph graph = graph_of(top, source);
  LayoutTarget target(path, graph);
  source.texts[oci::sha256("a layer")] = "another";
  CHECK_ERROR(copy(graph, destinations, source, target, {}, silent()), format, "the bytes received have the digest");
  CHECK_FALSE(std::filesystem::exists(path / "index.json"));
  CHECK(target.wants(graph.at(oci::sha256("a layer"))));
  source.texts[oci::sha256("a layer")] = "a layer";
  copy(graph, destinations, source, target, {}, silent());
  target.commit();
  LayoutSource layout(path);
  const auto blob = path / "blobs/sha256" / oci::sha256("a layer").hex();
  replace_file(blob, "A LAYER");
  MemoryTarget memory(graph);
  CHECK_ERROR(copy(graph, destinations, layout, memory, {}, silent()), format, "the bytes received are others");
  replace_file(path / "blobs/sha256" / top.digest.hex(), "{}");
  CHECK_ERROR(graph_of(top, layout), format, "it is described as");
  replace_file(path / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  CHECK_ERROR(read_layout_names(path), format, "is not an OCI image layout of version 1.0.0");
}
