// SPDX-License-Identifier: Apache-2.0
// Policies: what they accept, and each thing that they refuse.
#include "airlock/trust/policy.hpp"

#include <sys/stat.h>

#include "airlock/base/file.hpp"
#include "airlock/records/import_state.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::trust;

namespace {

const std::string svr(svr_predicate_type);
const Time now = *parse_time("2026-11-23T12:00:00Z");

const PrivateKey& key(const std::string& name) {
  static std::map<std::string, PrivateKey> keys;
  const auto found = keys.find(name);
  if (found != keys.end()) return found->second;
  const auto algorithm = name == "bob" ? Algorithm::ed25519 : Algorithm::ecdsa_p256_sha256;
  return keys.emplace(name, PrivateKey::generate(algorithm)).first->second;
}

SignatureFile raw(const std::string& name, const std::string& file, const std::string& content = "sums") {
  return {"signatures/" + file + ".sig", key(name).sign(content)};
}
SignatureFile raw(const std::string& name) { return raw(name, name); }

SignatureFile approval(const std::string& name, const std::string& content = "sums") {
  return approve(key(name), "signatures/" + name, content, {name, "", now, true});
}

PolicyContent content(std::vector<std::string> names, std::vector<Requirement> requirements) {
  PolicyContent result;
  result.origin = "p.yaml";
  for (const auto& name : names) result.keys.push_back({name, key(name).public_key()});
  result.streams["production"].requirements = std::move(requirements);
  return result;
}

Evidence judge(const Policy& policy, const std::vector<SignatureFile>& files, Claims claims = {},
               const Circumstances& circumstances = {now, {}, {}, {}}) {
  if (claims.stream.empty()) claims.stream = "production";
  if (claims.created == Time{}) claims.created = now;
  return policy.judge(policy.authenticate("sums", files, circumstances), claims, circumstances);
}

}  // namespace

TEST_CASE("a policy of one key") {
  const auto policy = Policy::single_key("alice", key("alice").public_key());
  const auto evidence = judge(policy, {raw("mallory"), raw("alice")});
  REQUIRE(evidence.requirements().size() == 1);
  CHECK(evidence.requirements()[0].signers[0].files == std::vector<std::string>{"signatures/alice.sig"});
  CHECK(evidence.signed_content() == oci::sha256("sums"));
  CHECK(evidence.not_counted().size() == 1);
  CHECK_FALSE(evidence.tracks_serial());
  CHECK_ERROR(judge(policy, {}), trust, "the bundle has no signature");
  CHECK_ERROR(judge(policy, {raw("mallory")}), trust, "0 of 1 required signatures by alice");
  CHECK_ERROR(judge(policy, {raw("alice", "alice", "sumz")}), trust, "0 of 1");
  CHECK_ERROR(judge(policy, {raw("alice")}, {}, {now, "testing", {}, {}}), policy, "it belongs to stream production");
}

TEST_CASE("thresholds count distinct keys") {
  const Policy two(content({"alice", "bob"}, {{"exporter", {"alice", "bob"}, 2, ""}}));
  CHECK_ERROR(judge(two, {raw("alice", "alice"), raw("alice", "again")}), trust, "1 of 2 required signatures");
  CHECK_ERROR(judge(two, {raw("bob", "alice"), raw("bob", "bob")}), trust, "1 of 2 required signatures");
  CHECK(judge(two, {raw("alice"), raw("bob")}).requirements()[0].signers.size() == 2);
  const auto forms = sign(key("bob"), "signatures/bob", "sums");
  REQUIRE(forms.size() == 3);
  CHECK_ERROR(judge(two, forms), trust, "1 of 2 required signatures by alice, bob; found bob");
}

TEST_CASE("one key fills one role, whatever the order of the roles") {
  const std::vector<Requirement> either_first{{"exporter", {"alice", "bob"}, 1, ""}, {"reviewer", {"alice"}, 1, ""}};
  const Policy policy(content({"alice", "bob"}, either_first));
  CHECK_ERROR(judge(policy, {raw("alice")}), trust, "require[1]: role reviewer: 0 of 1");
  const auto evidence = judge(policy, {raw("alice"), raw("bob")});
  CHECK(evidence.requirements()[0].signers[0].name == "bob");
  CHECK(evidence.requirements()[1].signers[0].name == "alice");
}

TEST_CASE("an approval is not a signature, and the other way round") {
  const Policy policy(content({"alice", "bob"}, {{"exporter", {"alice"}, 1, ""}, {"reviewer", {"bob"}, 1, svr}}));
  const auto evidence = judge(policy, {raw("alice"), approval("bob")});
  CHECK(evidence.requirements()[1].signers[0].approval->reviewer == "bob");
  CHECK_ERROR(judge(policy, {raw("alice"), raw("bob")}), trust,
              "bob has signed (signatures/bob.sig), but not approved");
  CHECK_ERROR(judge(policy, {approval("alice"), approval("bob")}), trust,
              "alice has approved (signatures/alice.approval.sigstore.json), but not signed");
  CHECK_ERROR(judge(policy, {raw("alice")}), trust,
              "p.yaml: streams.production.require[1]: role reviewer: 0 of 1 required approvals by bob");
  CHECK_ERROR(
      judge(policy, {raw("alice"), approval("bob", "another bundle")}), trust,
      "bob's signatures/bob.approval.sigstore.json is an approval of another bundle, whose SHA256SUMS is sha256:");
  // Next to a right one, it counts for nothing and is in nobody's way.
  SignatureFile moved = approval("bob", "another bundle");
  moved.name = "signatures/moved.approval.sigstore.json";
  CHECK(judge(policy, {raw("alice"), moved, approval("bob")}).not_counted().at(0) ==
        "signatures/moved.approval.sigstore.json by bob: an approval of another bundle, whose SHA256SUMS is " +
            oci::sha256("another bundle").str());
  CHECK_ERROR(judge(policy, {raw("alice"), approval("mallory")}), trust, "0 of 1 required approvals by bob");
}

TEST_CASE("a revoked key counts for nothing") {
  PolicyContent parts = content({"alice", "carol"}, {{"exporter", {"alice", "carol"}, 1, ""}});
  parts.revoked.insert(key("alice").public_key().spki());
  const Policy policy(parts);
  CHECK_ERROR(judge(policy, {raw("alice")}), trust, "alice's key is revoked, so signatures/alice.sig does not count");
  const auto evidence = judge(policy, {raw("alice"), raw("carol")});
  CHECK(evidence.requirements()[0].signers.size() == 1);
  CHECK(evidence.not_counted() == std::vector<std::string>{"signatures/alice.sig by alice: the key is revoked"});
}

TEST_CASE("forms that disagree are an error even where they are not needed") {
  const Policy policy(content({"alice", "bob"}, {{"exporter", {"alice"}, 1, ""}}));
  auto bob = sign(key("bob"), "signatures/bob", "sums");
  bob[0].bytes = key("alice").sign("sums");
  std::vector<SignatureFile> files{raw("alice")};
  files.insert(files.end(), bob.begin(), bob.end());
  CHECK_ERROR(judge(policy, files), trust, "contain different signatures");
}

TEST_CASE("a trusted comment that somebody changed") {
  const Policy policy(content({"bob"}, {{"exporter", {"bob"}, 1, ""}}));
  auto minisig = sign(key("bob"), "signatures/bob", "sums")[2];
  const auto at = minisig.bytes.find("signed by bob");
  minisig.bytes.replace(at, 13, "signed by eve");
  CHECK_ERROR(judge(policy, {minisig}), trust, "trusted comment was changed");
}

TEST_CASE("rules of a stream") {
  PolicyContent parts = content({"alice"}, {{"exporter", {"alice"}, 1, ""}});
  auto& rules = parts.streams["production"];
  rules.allow_sources = {"registry.k8s.io/*", "quay.io/*"};
  rules.max_age = std::chrono::hours(45 * 24);
  const Policy policy(parts);
  const auto with = [&](const Claims& claims, const LastImports& last = {}) {
    return judge(policy, {raw("alice")}, claims, {now, {}, {}, last});
  };
  const std::vector<std::string> sources{"registry.k8s.io/pause:3.9", "quay.io/calico/node:v3.27.3"};
  const Claims right{"production", 7, now - std::chrono::hours(24), {}, sources};
  CHECK(with(right).rules().size() == 4);
  SECTION("stream") {
    Claims claims = right;
    claims.stream = "testing";
    CHECK_ERROR(with(claims), policy, "p.yaml has no stream testing; it has production");
  }
  SECTION("sources") {
    Claims claims = right;
    claims.sources.emplace_back("docker.io/library/alpine:3");
    CHECK_ERROR(with(claims), policy,
                "streams.production.allow_sources: image docker.io/library/alpine:3 comes from none of");
  }
  SECTION("age") {
    Claims claims = right;
    claims.created = now - std::chrono::hours(46 * 24);
    CHECK_ERROR(with(claims), policy, "streams.production.max_age: it is 46 d old");
    claims.created = now + std::chrono::hours(25);
    CHECK_ERROR(with(claims), policy, "time is 2026-11-23T12:00:00Z");
    claims.created = now + std::chrono::hours(23);
    CHECK_NOTHROW(with(claims));
  }
  SECTION("expiry") {
    Claims claims = right;
    claims.expires = now - std::chrono::seconds(1);
    CHECK_ERROR(with(claims), policy, "it expired on 2026-11-23T11:59:59Z");
    claims.expires = now;
    CHECK_NOTHROW(with(claims));
  }
  SECTION("serial") {
    const auto imported = [](const std::string& stream, std::uint64_t serial, const std::string& content,
                             const std::string& registry = "registry.local") {
      return LastImports{{stream, {{registry, {serial, oci::sha256(content)}}}}};
    };
    CHECK_ERROR(
        with(right, imported("production", 8, "newer")), policy,
        "streams.production.rollback: it has serial 7, but serial 8 of stream production was already imported into "
        "registry.local");
    CHECK_ERROR(with(right, imported("production", 8, "newer", any_registry)), policy, "was already imported here");
    CHECK_ERROR(with(right, imported("production", 7, "other")), policy, "another bundle with the same serial");
    CHECK_NOTHROW(with(right, imported("production", 7, "sums")));
    CHECK_NOTHROW(with(right, imported("production", 6, "older")));
    CHECK_NOTHROW(with(right, imported("testing", 8, "other stream")));
    CHECK(with(right).tracks_serial());
  }
  SECTION("serial, by registry") {
    const LastImports last{
        {"production", {{"new.local", {8, oci::sha256("newer")}}, {"old.local", {6, oci::sha256("older")}}}}};
    const auto into = [&](const std::string& target) {
      return judge(policy, {raw("alice")}, right, {now, {}, oci::Location::parse(target), last});
    };
    CHECK_ERROR(into("NEW.local"), policy, "was already imported into new.local");
    CHECK_NOTHROW(into("old.local"));
    CHECK_NOTHROW(into("third.local"));
    CHECK_NOTHROW(with(right, last));  // who only verifies hears of it: there is a registry that may get it
    CHECK_THAT(with(right, last).rules().back().finding, ContainsSubstring("too old where serial 8"));
  }
  SECTION("registries") {
    parts.streams["production"].registries = {oci::Location::parse("registry.local:5000/kube")};
    const Policy bound(parts);
    const auto into = [&](const std::string& target) {
      return judge(bound, {raw("alice")}, right, {now, {}, oci::Location::parse(target), {}});
    };
    CHECK_NOTHROW(into("registry.local:5000/kube"));
    CHECK_NOTHROW(into("registry.local:5000/kube/more"));
    for (const char* other : {"registry.local:5000", "registry.local:5000/kubernetes", "registry.local/kube"})
      CHECK_ERROR(into(other), policy, "it may only be imported into registry.local:5000/kube");
    CHECK_NOTHROW(judge(bound, {raw("alice")}, right));
  }
}

TEST_CASE("streams that could move each other's names are odd") {
  PolicyContent parts = content({"alice", "bob"}, {{"exporter", {"alice"}, 1, ""}});
  parts.streams["testing"].requirements = {{"exporter", {"bob"}, 1, ""}};
  const auto overlap = [&](const std::vector<std::string>& production, const std::vector<std::string>& testing) {
    const auto locations = [](const std::vector<std::string>& names) {
      std::vector<oci::Location> list;
      for (const auto& name : names) list.push_back(oci::Location::parse(name));
      return list;
    };
    parts.streams["production"].registries = locations(production);
    parts.streams["testing"].registries = locations(testing);
    std::string place;
    for (const std::string& odd : Policy(parts).warnings())
      if (const auto at = odd.find("may both write below "); at != std::string::npos)
        place = odd.substr(at + 21, odd.find(':', odd.find(' ', at + 21) - 1) - at - 21);
    return place;
  };
  CHECK(overlap({}, {}) == "any registry");
  CHECK(overlap({"a.local"}, {}) == "a.local");
  CHECK(overlap({"a.local/x"}, {"a.local"}) == "a.local/x");
  CHECK(overlap({"a.local"}, {"b.local", "a.local/y"}) == "a.local/y");
  CHECK(overlap({"a.local/x"}, {"a.local/y"}).empty());
}

TEST_CASE("which stream counts is known only after the signatures") {
  PolicyContent parts = content({"alice", "bob"}, {{"exporter", {"alice"}, 1, ""}, {"reviewer", {"bob"}, 1, svr}});
  parts.streams["testing"].requirements = {{"exporter", {"alice"}, 1, ""}};
  const Policy policy(parts);
  Claims testing;
  testing.stream = "testing";
  CHECK_NOTHROW(judge(policy, {raw("alice")}, testing));
  // Enough for testing, but the bundle says that it belongs to production.
  CHECK_ERROR(judge(policy, {raw("alice")}), trust, "streams.production.require[1]");
  CHECK_ERROR(judge(policy, {raw("mallory")}), trust, "satisfy no stream of p.yaml");
  CHECK_ERROR(judge(policy, {raw("alice")}, testing, {now, "production", {}, {}}), trust,
              "streams.production.require[1]");
  CHECK_ERROR(judge(policy, {raw("alice")}, testing, {now, "staging", {}, {}}), policy, "has no stream staging");
}

TEST_CASE("policies that cannot be meant") {
  const auto make = [](std::vector<std::string> names, std::vector<Requirement> requirements) {
    return Policy(content(std::move(names), std::move(requirements)));
  };
  CHECK_ERROR(make({"alice"}, {}), trust, "require: empty");
  CHECK_ERROR(make({"alice", "alice"}, {{"r", {"alice"}, 1, ""}}), trust, "appears twice");
  CHECK_ERROR(make({"alice"}, {{"r", {"bob"}, 1, ""}}), trust, "no key bob");
  CHECK_ERROR(make({"alice"}, {{"r", {"alice", "alice"}, 1, ""}}), trust, "names a key twice");
  CHECK_ERROR(make({"alice"}, {{"r", {"alice"}, 2, ""}}), trust, "threshold of 2 over 1 key");
  CHECK_ERROR(make({"alice"}, {{"r", {"alice"}, 0, ""}}), trust, "threshold of 0");
  CHECK_ERROR(make({"alice"}, {{"a", {"alice"}, 1, ""}, {"b", {"alice"}, 1, ""}}), trust, "role b cannot be met");
  PolicyContent same = content({"alice"}, {{"r", {"alice"}, 1, ""}});
  same.keys.push_back({"twin", key("alice").public_key()});
  CHECK_ERROR(Policy(same), trust, "alice and twin are the same key");
  PolicyContent revoked = content({"alice"}, {{"r", {"alice"}, 1, ""}});
  revoked.revoked.insert(key("alice").public_key().spki());
  CHECK_ERROR(Policy(revoked), trust, "role r cannot be met");
  PolicyContent empty;
  empty.origin = "p.yaml";
  CHECK_ERROR(Policy(empty), trust, "streams: no stream");
}

namespace {

/// A policy file in a directory with its keys.
class PolicyFile {
 public:
  PolicyFile() {
    for (const char* name : {"alice", "bob"})
      write_new_file(directory_.path() / (std::string(name) + ".pub"), key(name).public_key().pem());
  }
  static std::string hash(const std::string& name) { return key(name).public_key().spki().hex(); }
  static std::string text() {
    return "version: 1\nkeys:\n  alice: {file: alice.pub, spki_sha256: \"" + hash("alice") +
           "\", algorithm: ecdsa-p256-sha256}\n  bob: {file: bob.pub, spki_sha256: SHA256:" + hash("bob") +
           "}\nrevoked: []\nstreams:\n  production:\n    require:\n      - {role: exporter, keys: [alice], threshold: "
           "1}\n"
           "      - {role: reviewer, keys: [bob], attestation: \"" +
           svr +
           "\"}\n"
           "    allow_sources: [\"registry.k8s.io/*\"]\n    max_age: 45d\n    rollback: deny\n";
  }
  Policy load(const std::string& text) const {
    replace_file(directory_.path() / "policy.yaml", text);
    return Policy::load(directory_.path() / "policy.yaml");
  }
  /// The right text with `from` replaced.
  Policy with(const std::string& from, const std::string& to) const {
    std::string changed = text();
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return load(changed.replace(at, from.size(), to));
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("a policy file") {
  const PolicyFile file;
  const Policy policy = file.load(PolicyFile::text());
  const auto& rules = policy.content().streams.at("production");
  CHECK(rules.requirements.size() == 2);
  CHECK(rules.max_age == std::chrono::hours(45 * 24));
  CHECK(policy.needs_import_state());
  CHECK(policy.content().digest == oci::sha256(PolicyFile::text()));
  CHECK(policy.warnings().empty());
  CHECK_FALSE(policy.explain().empty());
  const auto loose = file.with("    allow_sources: [\"registry.k8s.io/*\"]\n    max_age: 45d\n    rollback: deny\n",
                               "    rollback: allow\n");
  CHECK(loose.warnings().size() == 3);
  CHECK(loose.needs_import_state());  // a later policy may not allow to go back
}

TEST_CASE("policy files that are refused") {
  const PolicyFile file;
  CHECK_ERROR(file.load(""), trust, "it is empty");
  CHECK_ERROR(file.load("version: ["), trust, "not valid YAML");
  CHECK_ERROR(file.with("version: 1", "version: 2"), trust, "supports only version 1");
  CHECK_ERROR(file.with("version: 1", "version: \"1\""), trust, "version: not an integer");
  CHECK_ERROR(file.with("version: 1", "version: 1\nextra: 1"), trust, "unknown key \"extra\"");
  CHECK_ERROR(file.with("revoked: []", "revoked: []\nrevoked: []"), trust, "line 6: the key \"revoked\" appears twice");
  CHECK_ERROR(file.with("  bob: {", "  alice: {"), trust, "the key \"alice\" appears twice");
  CHECK_ERROR(file.with("{file: alice.pub", "&a {file: alice.pub"), trust, "anchors (&) are not allowed");
  CHECK_ERROR(file.with("revoked: []", "revoked: *a"), trust, "line 5: ");
  CHECK_ERROR(file.with("revoked: []", "revoked: !!seq []"), trust, "tags");
  CHECK_ERROR(file.with("revoked: []", "<<: {}"), trust, "merge keys");
  CHECK_ERROR(file.with("revoked: []", "revoked: [] # \xff"), trust, "not UTF-8");
  CHECK_ERROR(file.load(PolicyFile::text() + "---\nversion: 1\n"), trust, "more than one document");
  CHECK_ERROR(file.load(std::string(100, '[') + std::string(100, ']')), trust, "nested deeper than 16");
  CHECK_ERROR(file.load(std::string(2U << 20, ' ')), trust, "larger than");
  CHECK_ERROR(file.with("file: alice.pub", "file: bob.pub"), trust, "not the pinned SHA256:");
  CHECK_ERROR(file.with("algorithm: ecdsa-p256-sha256", "algorithm: ed25519"), trust, "the key is ecdsa-p256-sha256");
  CHECK_ERROR(file.with(PolicyFile::hash("alice"), "abc"), trust, "spki_sha256");
  CHECK_ERROR(file.with("file: alice.pub", "file: none.pub"), media, "none.pub: No such file");
  CHECK_ERROR(file.with("keys: [alice]", "keys: [carol]"), trust, "there is no key carol");
  CHECK_ERROR(file.with("threshold: 1", "threshold: 2"), trust, "threshold of 2 over 1 key");
  CHECK_ERROR(file.with("threshold: 1", "threshold: -1"), trust, "threshold: not an integer");
  CHECK_ERROR(file.with("threshold: 1", "treshold: 1"), trust, "unknown key \"treshold\"");
  CHECK_ERROR(file.with(svr, "https://example.com/other"), trust, "airlock supports only");
  CHECK_ERROR(file.with("max_age: 45d", "max_age: 45"), trust, "max_age: not a string");
  CHECK_ERROR(file.with("max_age: 45d", "max_age: 0d"), trust, "max_age: not a duration");
  CHECK_ERROR(file.with("[\"registry.k8s.io/*\"]", "[]"), trust, "no image would be allowed");
  CHECK_ERROR(file.with("rollback: deny", "rollback: maybe"), trust, "neither deny nor allow");
  CHECK_ERROR(file.with("  production:", "  ../production:"), trust, "not a valid stream name");
  CHECK_ERROR(file.with("revoked: []", "revoked: [\"" + PolicyFile::hash("alice") + "\"]"), trust, "cannot be met");
}

TEST_CASE("signatures by nobody cost no more than the right one") {
  // What a fuller list of 64 MiB costs is in docs/benchmarks.md; here it is counted that the limit holds and is said.
  const std::string text(SignedText::most_hashed / 4, 'x');
  std::vector<SignatureFile> junk;
  for (int i = 0; i < 62; ++i)
    junk.push_back({"signatures/s" + std::to_string(i) + ".sig", key("bob").sign("other " + std::to_string(i))});
  const Policy policy(content({"alice", "bob"}, {{"exporter", {"alice", "bob"}, 1, ""}}));
  const Circumstances circumstances{now, {}, {}, {}};
  CHECK_ERROR(policy.authenticate(text, junk, circumstances), trust, "more signatures than airlock checks");
  // The right one says whose it is, and is tried first.
  auto files = junk;
  files.push_back(sign(key("bob"), "signatures/bob", text)[1]);
  CHECK_NOTHROW(policy.authenticate(text, files, circumstances));
  std::vector<SignatureFile> many(300, junk.front());
  CHECK_ERROR(policy.authenticate("sums", many, circumstances), trust, "300 signature files");
}

TEST_CASE("policy files that bind a stream to registries") {
  const PolicyFile file;
  const auto with = [&](const std::string& list) {
    return file.with("    max_age: 45d\n", "    registries: " + list + "\n");
  };
  CHECK(with("[\"registry.local:5000/kube\"]").content().streams.at("production").registries.size() == 1);
  CHECK_ERROR(with("[]"), trust, "nothing could be imported");
  CHECK_ERROR(with("[\"https://registry.local\"]"), trust, "it must not have a scheme");
  CHECK_ERROR(with("[\"registry.local/../x\"]"), trust, "is not a repository prefix");
}
