// SPDX-License-Identifier: Apache-2.0
// Names are types: what could be read as another path, host or tag does not become one.
#include "airlock/oci/names.hpp"

#include "airlock/oci/location.hpp"
#include "airlock/oci/platform.hpp"
#include "airlock/records/lock.hpp"
#include "airlock/records/receipt.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::oci;

TEST_CASE("tags") {
  for (const char* good : {"1", "v1.29.4", "_x", "A-b.c_d", "latest"}) CHECK(Tag::parse(good) == good);
  CHECK(Tag::find(std::string(128, 'a')));
  for (const std::string& bad : {std::string(), std::string(129, 'a'), std::string("../x"), std::string("a/b"),
                                 std::string(".a"), std::string("-a"), std::string("a b"), std::string("a\n"),
                                 std::string("a?b"), std::string("a#b"), std::string("a%2e"), std::string("\0", 1)})
    CHECK_ERROR(Tag::parse(bad), format, "is not a tag");
}

TEST_CASE("repositories") {
  for (const char* good : {"pause", "coredns/coredns", "a/b-c__d.e/f"}) CHECK(Repository::parse(good) == good);
  for (const char* bad : {"", "/a", "a/", "a//b", "..", "a/../b", "A", "a:1", "a@b", "a?b", "a b", "a/./b", "a%2fb"})
    CHECK_ERROR(Repository::parse(bad), format, "is not a repository");
  const auto prefix = Repository::parse("kube/" + std::string(200, 'x'));
  CHECK(below(std::nullopt, Repository::parse("a")) == "a");
  CHECK(below(Repository::parse("kube"), Repository::parse("a/b")) == "kube/a/b");
  CHECK_ERROR(below(prefix, Repository::parse(std::string(50, 'y'))), usage, "longer than the 255 characters");
}

TEST_CASE("registries") {
  for (const char* good : {"quay.io", "localhost:5000", "127.0.0.1:65535", "[::1]:5000", "Registry.Example"})
    CHECK(Registry::parse(good) == good);
  for (const char* bad : {"", "a/b", "a:0", "a:65536", "a:x", "a b", "a@b", "-a", "http://a", "a?b", "[::1", "a\\b"})
    CHECK_ERROR(Registry::parse(bad), format, "is not a registry");
}

TEST_CASE("what one of cosign's tags is about") {
  const auto subject = sha256("image");
  CHECK(cosign_tag(subject, ".sig") == "sha256-" + subject.hex() + ".sig");
  CHECK(cosign_subject(Tag::parse("sha256-" + subject.hex() + ".att")) == subject);
  for (const std::string& bad :
       {std::string("latest"), std::string("3.8"), "sha256-" + subject.hex(), "sha256-" + subject.hex() + ".exe",
        "sha256-" + subject.hex().substr(1) + ".sig", "sha256-" + std::string(64, 'x') + ".sig"})
    CHECK_FALSE(cosign_subject(Tag::parse(bad)));
}

TEST_CASE("places of a registry lie within each other by whole components") {
  const auto within = [](const char* a, const char* b) { return Location::parse(a).is_within(Location::parse(b)); };
  CHECK(within("r.local:5000/a/b", "R.local:5000/a"));
  CHECK(within("r.local:5000/a", "r.local:5000"));
  CHECK(within("r.local:5000/a", "r.local:5000/a"));
  CHECK_FALSE(within("r.local:5000/ab", "r.local:5000/a"));
  CHECK_FALSE(within("r.local:5000", "r.local:5000/a"));
  CHECK_FALSE(within("r.local/a", "r.local:5000/a"));
}

TEST_CASE("platforms have plain words only") {
  CHECK(Platform::find("linux", "arm", "v7")->str() == "linux/arm/v7");
  for (const char* bad : {"", "li nux", "linux/x", "\x1b[31m", "lin\nux"})
    CHECK_FALSE(Platform::find(bad, "amd64", ""));
}

namespace {

const std::string image_digest = sha256("image").str();

std::string lock_with(const std::string& source, const std::string& referrer) {
  return "# airlock lock file\nversion: 1\nkubeone: \"\"\nfilters: []\nkubernetesVersions: []\nplatforms: "
         "[linux/amd64]\n"
         "catalogDigest: \"\"\nimages:\n  - source: \"" +
         source + "\"\n    digest: \"" + image_digest +
         "\"\n    mediaType: application/vnd.oci.image.manifest.v1+json\n    size: 5\n    components: []\n    groups: "
         "[]\n"
         "    platforms: {}\n    referrers:\n      - {digest: \"" +
         sha256("r").str() + "\", mediaType: application/vnd.oci.image.manifest.v1+json, size: 5" + referrer +
         "}\nblobs: {}\n";
}

}  // namespace

TEST_CASE("lock files obey the rules of bundles") {
  const auto parse = [](const std::string& text) { return records::Lock::parse(text, "l"); };
  const std::string own = ", tag: sha256-" + sha256("image").hex() + ".sig";
  CHECK(parse(lock_with("quay.io/a:1", own)).images[0].image.referrers[0].tag);
  CHECK_NOTHROW(parse(lock_with("quay.io/a:1@" + image_digest, "")));
  CHECK_ERROR(parse(lock_with("quay.io/a:1", ", tag: v9")), format, "is not a tag of a signature");
  CHECK_ERROR(parse(lock_with("quay.io/a:1", ", tag: \"../x\"")), format, "is not a tag of a signature");
  CHECK_ERROR(parse(lock_with("quay.io/a:1@" + sha256("other").str(), "")), format, "it is pinned to");
}

TEST_CASE("receipts name what can be a name") {
  const std::string digest = sha256("x").str();
  const auto receipt = [&](const std::string& registry, const std::string& source, const std::string& name,
                           const std::string& repository, const std::string& stream = "s") {
    return R"({"blobs":[{"digest":")" + digest + R"(","repositories":[")" + repository +
           R"("],"size":1}],"bundle":{"serial":1,"stream":")" + stream + R"(","sumsDigest":")" + digest +
           R"("},"images":[{"digest":")" + digest + R"(","name":")" + name + R"(","source":")" + source +
           R"(","upstreamDigest":")" + digest +
           R"("}],"mediaType":"application/vnd.airlock.receipt.v1+json","policy":"--key","registry":")" + registry +
           R"(","signers":[],"time":"2026-11-23T00:00:00Z"})" + "\n";
  };
  const auto parse = [](const std::string& text) { return records::Receipt::parse(text, "r"); };
  CHECK_NOTHROW(parse(receipt("r.local:5000/p", "quay.io/a:1", "r.local:5000/p/a:1", "p/a")));
  CHECK_ERROR(parse(receipt("r.local:5000/../p", "quay.io/a:1", "r.local:5000/p/a:1", "p/a")), format, "prefix");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/a:1", "other.local/a:1", "a")), format, "not a name in r.local");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/a:1", "r.local/a/../b:1", "a")), format, "is not a repository");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/a:1", "r.local/a:.x", "a")), format, "is not a tag");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/A:1", "r.local/a:1", "a")), format, "is not an image reference");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/a:1", "r.local/a:1", "../a")), format, "is not a repository");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/a:1", "r.local/a:1", "a", "..")), format, "malformed stream name");
  CHECK_ERROR(parse(receipt("r.local", "quay.io/a:1@" + sha256("y").str(), "r.local/a:1", "a")), format, "pinned");
}
