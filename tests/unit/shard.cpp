// SPDX-License-Identifier: Apache-2.0
// Which shard gets which image.
#include "airlock/flow/shard.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/error.hpp"
#include "catch.hpp"
#include "memory_ports.hpp"

using namespace airlock;
using namespace airlock::flow;
using airlock::test::MemorySource;

namespace {

struct Images {
  void add(const std::string& name, const std::vector<std::string>& layers) {
    images.push_back({oci::Reference::parse(name), source.add_manifest(name, layers), {}, {}, {}});
  }
  /// Shard by image.
  std::map<std::string, unsigned> deal(unsigned count) {
    oci::GraphBuilder builder({oci::PlatformSelection::everything(), Side::source, ""});
    for (const auto& image : images) records::add_to_graph(builder, image, source.fetch());
    graph = builder.take();
    const auto shards = deal_images(images, graph, count, {});
    std::map<std::string, unsigned> dealt;
    for (std::size_t i = 0; i < images.size(); ++i) dealt[images[i].source.str()] = shards[i];
    return dealt;
  }
  /// What each shard has to do, each repository being a name below local:5000.
  std::vector<ShardWork> work(unsigned count) {
    deal(count);
    std::vector<transfer::Destination> destinations;
    for (const auto& image : images)
      destinations.push_back(
          {&image, {oci::Registry::parse("local:5000"), image.source.repository}, oci::Tag::parse("1")});
    std::vector<ShardWork> all;
    for (unsigned number = 1; number <= count; ++number)
      all.push_back(work_of({number, count}, destinations, images, graph, {}));
    return all;
  }
  /// Bytes that each shard sends.
  std::map<unsigned, std::uint64_t> loads(const std::map<std::string, unsigned>& dealt) {
    std::map<unsigned, std::set<const oci::Node*>> nodes;
    for (const auto& image : images)
      for (const oci::Node* node : graph.closure(records::roots_of(image)))
        nodes[dealt.at(image.source.str())].insert(node);
    std::map<unsigned, std::uint64_t> bytes;
    for (const auto& [shard, all] : nodes)
      for (const oci::Node* node : all) bytes[shard] += node->size;
    return bytes;
  }

  MemorySource source;
  std::vector<records::Image> images;
  oci::Graph graph;
};

std::string layer(char letter, std::size_t size) { return std::string(size, letter); }

}  // namespace

TEST_CASE("images that share layers are dealt to one shard, as long as it is not too full") {
  Images set;
  for (const char* name : {"a1", "a2", "a3"})
    set.add(std::string("quay.io/x/") + name + ":1", {layer('a', 90'000), name});
  for (const char* name : {"b1", "b2", "b3"})
    set.add(std::string("quay.io/x/") + name + ":1", {layer('b', 80'000), name});
  const auto dealt = set.deal(2);
  CHECK(dealt.at("quay.io/x/a1:1") == dealt.at("quay.io/x/a2:1"));
  CHECK(dealt.at("quay.io/x/a1:1") == dealt.at("quay.io/x/a3:1"));
  CHECK(dealt.at("quay.io/x/b1:1") == dealt.at("quay.io/x/b3:1"));
  CHECK(dealt.at("quay.io/x/a1:1") != dealt.at("quay.io/x/b1:1"));
}

TEST_CASE("no shard has much more to send than another") {
  Images set;
  for (char letter = 'a'; letter <= 't'; ++letter)
    set.add(std::string("quay.io/x/") + letter + ":1",
            {layer(letter, 10'000U * static_cast<unsigned>(letter - 'a' + 1))});
  const auto dealt = set.deal(4);
  const auto loads = set.loads(dealt);
  REQUIRE(loads.size() == 4);
  const auto [least, most] = std::ranges::minmax_element(loads, {}, [](const auto& load) { return load.second; });
  CHECK(most->second - least->second < 100'000);  // of 525,000 in the mean
}

TEST_CASE("tags of one repository stay together") {
  Images set;
  for (const char* tag : {"1", "2", "3", "4"}) set.add(std::string("quay.io/x/one:") + tag, {layer(tag[0], 100'000)});
  set.add("quay.io/x/other:1", {layer('o', 1000)});
  const auto dealt = set.deal(3);
  std::set<unsigned> shards;
  for (const char* tag : {"1", "2", "3", "4"}) shards.insert(dealt.at(std::string("quay.io/x/one:") + tag));
  CHECK(shards.size() == 1);
}

TEST_CASE("images that meet in a repository under one of their names stay together") {
  Images set;
  set.add("registry.k8s.io/coredns:1.7.0", {layer('c', 100'000)});
  set.add("registry.k8s.io/coredns/coredns:v1.8.0", {layer('d', 100'000)});
  set.add("quay.io/x/other:1", {layer('o', 1000)});
  const auto dealt = set.deal(3);
  CHECK(dealt.at("registry.k8s.io/coredns:1.7.0") == dealt.at("registry.k8s.io/coredns/coredns:v1.8.0"));
}

TEST_CASE("the deal is the same each time, and covers each image once") {
  Images set;
  for (int i = 0; i < 40; ++i)
    set.add("quay.io/x/i" + std::to_string(i) + ":1", {layer('s', 50'000), std::to_string(i)});
  const auto dealt = set.deal(7);
  CHECK(dealt == set.deal(7));
  CHECK(dealt.size() == 40);
  for (const auto& [name, shard] : dealt) CHECK((shard >= 1 && shard <= 7));
}

TEST_CASE("of what shards share, one is the sender, and the others know where it is") {
  Images set;
  for (int i = 0; i < 12; ++i)
    set.add("quay.io/x/i" + std::to_string(i) + ":1",
            {layer('s', 50'000), layer('t', 40'000), layer(static_cast<char>('a' + i), 100'000)});
  const auto work = set.work(4);
  std::map<const oci::Node*, std::set<std::size_t>> senders;
  std::map<std::size_t, std::uint64_t> sent;
  std::size_t names = 0;
  for (std::size_t shard = 0; shard < work.size(); ++shard) {
    names += work[shard].destinations.size();
    CHECK(work[shard].destinations.size() == 3);
    CHECK(work[shard].shared.size() == 2);
    for (const auto& [node, shared] : work[shard].shared) {
      if (shared.sends) senders[node].insert(shard);
      if (shared.sends) sent[shard] += node->size;
      CHECK(shared.elsewhere.size() == 3);
    }
  }
  CHECK(names == 12);
  CHECK(senders.size() == 2);
  CHECK(sent.size() == 2);  // who sends one has more to send than others who need it
  for (const auto& [node, shards] : senders) {
    REQUIRE(shards.size() == 1);
    const auto& own = work[*shards.begin()].destinations;
    const auto is_own = [&](const registry::Repository& repository) {
      return std::ranges::any_of(own, [&](const auto& destination) { return destination.repository == repository; });
    };
    for (std::size_t shard = 0; shard < work.size(); ++shard) {
      const auto& places = work[shard].shared.at(node).elsewhere;
      CHECK(is_own(places.front()) == (shard != *shards.begin()));
      CHECK(std::count_if(places.begin(), places.end(), is_own) == (shard != *shards.begin() ? 1 : 0));
    }
  }
}

TEST_CASE("of very many shards that need a blob, few are asked for it") {
  Images set;
  for (int i = 0; i < 30; ++i)
    set.add("quay.io/x/i" + std::to_string(i) + ":1", {layer('s', 50'000), std::string(100'000U + unsigned(i), 'x')});
  for (const ShardWork& work : set.work(30)) {
    REQUIRE(work.shared.size() == 1);
    CHECK(work.shared.begin()->second.elsewhere.size() == 4);
  }
}

TEST_CASE("more shards than images leave some with nothing") {
  Images set;
  set.add("quay.io/x/a:1", {"a"});
  CHECK(set.deal(5).at("quay.io/x/a:1") == 1);
}

TEST_CASE("how shards are written") {
  CHECK(Shard::parse("2/4").number == 2);
  CHECK(Shard::parse("2/4").count == 4);
  CHECK(Shard::parse("1/1").is_whole());
  for (const char* wrong : {"", "2", "0/4", "5/4", "a/4", "1/", "/4", "1/4/2", "-1/4", "1/0", "1/1001", "1 /4"})
    CHECK_ERROR(Shard::parse(wrong), usage, "is not a shard");
  CHECK(Shard::of_job(4, "0").number == 1);
  CHECK(Shard::of_job(4, "3").number == 4);
  CHECK_ERROR(Shard::of_job(4, "4"), usage, "JOB_COMPLETION_INDEX is 4, and --shards 4 has 0 to 3");
  CHECK_ERROR(Shard::of_job(4, nullptr), usage, "JOB_COMPLETION_INDEX does not say");
  CHECK_ERROR(Shard::of_job(4, "x"), usage, "JOB_COMPLETION_INDEX does not say");
}
