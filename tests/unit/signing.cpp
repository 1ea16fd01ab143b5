// SPDX-License-Identifier: Apache-2.0
// Signing in place: what it adds, what it refuses, and what is left when it is interrupted.
#include <random>

#include "airlock/base/file.hpp"
#include "airlock/flow/sign.hpp"
#include "catch.hpp"
#include "temporary.hpp"
#include "test_bundle.hpp"

using namespace airlock;
using namespace airlock::test;

namespace {

Reporter& silent() {
  static Reporter reporter({ReporterOptions::Form::plain, true, false});
  return reporter;
}

flow::SignRequest request(const std::filesystem::path& path, const std::string& name) {
  flow::SignRequest result;
  result.bundle = path;
  result.name = name;
  return result;
}

trust::Policy both() {
  trust::PolicyContent content;
  content.origin = "test";
  content.keys = {{"alice", alice().public_key()}, {"bob", mallory().public_key()}};
  content.streams["test"].requirements = {{"exporter", {"alice"}, 1, ""},
                                          {"reviewer", {"bob"}, 1, std::string(trust::svr_predicate_type)}};
  return trust::Policy(std::move(content));
}

/// A medium that loses power: of what was written since the last flush, any set of sectors may have arrived.
class Disk final : public bundle::SignableMedium {
 public:
  static constexpr std::size_t sector = 512;
  explicit Disk(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::string name() const override { return "disk"; }
  void read(std::uint64_t offset, std::span<char> into) const override {
    bytes_.copy(into.data(), into.size(), offset);
  }
  void overwrite(std::uint64_t offset, std::string_view text) override {
    writes.push_back({offset, std::string(text)});
    bytes_.replace(offset, text.size(), text);
  }

  struct Write {
    std::uint64_t offset;
    std::string text;
  };
  std::vector<Write> writes;

 private:
  std::string bytes_;
};

}  // namespace

TEST_CASE("signing and approving in place add to what is there, after checking all of it") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "b.tar";
  write_new_file(path, good_bundle().bytes());
  const auto signed_as = flow::review_bundle(request(path, "bob"), mallory(), {"fine"}, silent());
  CHECK(signed_as.files == std::vector<std::string>{"signatures/bob.approval.sigstore.json"});
  const auto bundle = bundle::verify(bundle::open_medium(path), both(), {2, {}, {clock_time(), {}, {}}}, silent());
  CHECK(bundle.evidence().requirements()[1].signers[0].approval->comment == "fine");
  CHECK_ERROR(flow::review_bundle(request(path, "bob2"), mallory(), {}, silent()), trust, "has approved it already");
  CHECK(flow::sign_bundle(request(path, "bob"), mallory(), silent()).files.size() == 2);
  CHECK_ERROR(flow::sign_bundle(request(path, "bob2"), mallory(), silent()), trust, "has signed it already");
  const auto carol = trust::PrivateKey::generate(trust::Algorithm::ed25519);
  CHECK_ERROR(flow::sign_bundle(request(path, "bob"), carol, silent()), trust, "it carries signatures/bob.sig already");
  CHECK(flow::sign_bundle(request(path, "carol"), carol, silent()).files.size() == 3);

  std::string bytes = read_file(path, 1U << 20);
  bytes.at(bytes.find("amd64 layer")) = 'A';
  const auto tampered = directory.path() / "tampered.tar";
  write_new_file(tampered, bytes);
  const auto dave = trust::PrivateKey::generate(trust::Algorithm::ed25519);
  CHECK_ERROR(flow::sign_bundle(request(tampered, "dave"), dave, silent()), format, "its content has the digest");
  CHECK_ERROR(flow::review_bundle(request(tampered, "dave"), dave, {}, silent()), format, "its content has the digest");
  CHECK(read_file(tampered, 1U << 20) == bytes);
}

TEST_CASE("what was just verified is signed without being read again, and nothing else is") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "b.tar";
  std::string bytes = good_bundle().bytes();
  const oci::Digest right = oci::sha256(good_bundle().right_sums());
  bytes.at(bytes.find("amd64 layer")) = 'A';  // not looked at
  write_new_file(path, bytes);
  auto asked = request(path, "bob");
  asked.verified = oci::sha256("another bundle");
  CHECK_ERROR(flow::sign_bundle(asked, mallory(), silent()), trust, "as --verified says");
  asked.verified = right;
  CHECK(flow::sign_bundle(asked, mallory(), silent()).content == right);
}

TEST_CASE("what somebody put into the region does not make a signer's own signature useless") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "b.tar";
  TestBundle junk = good_bundle();
  const std::string sums = junk.right_sums();
  const auto eve = trust::PrivateKey::generate(trust::Algorithm::ed25519);
  auto theirs = trust::sign(eve, "signatures/bob", "another list")[2];
  auto moved = trust::approve(mallory(), "signatures/moved", "another list", {"bob", "", clock_time(), true});
  junk.signatures = {{{"signatures/alice.sig", alice().sign(sums)}, theirs, moved}};
  write_new_file(path, junk.bytes());
  auto asked = request(path, "bob");
  asked.verified = oci::sha256(sums);
  CHECK_ERROR(flow::sign_bundle(asked, mallory(), silent()), trust, "it carries signatures/bob.minisig already");
  CHECK_NOTHROW(flow::review_bundle(asked, mallory(), {}, silent()));
  CHECK_NOTHROW(bundle::verify(bundle::open_medium(path), both(), {2, {}, {clock_time(), {}, {}}}, silent()));
}

TEST_CASE("signatures beside a bundle") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "b.tar";
  const std::string bytes = good_bundle().bytes();
  write_new_file(path, bytes);
  auto asked = request(path, "bob");
  asked.sidecar = directory.path();
  const auto result = flow::review_bundle(asked, mallory(), {}, silent());
  CHECK(read_file(path, 1U << 20) == bytes);
  bundle::VerifyOptions options{2, {}, {clock_time(), {}, {}}};
  for (const auto& file : result.files) options.sidecars.push_back({file, read_file(file, 1U << 16)});
  CHECK_NOTHROW(bundle::verify(bundle::open_medium(path), both(), options, silent()));
  CHECK_ERROR(flow::review_bundle(asked, mallory(), {}, silent()), media, "File exists");
  write_new_file(directory.path() / "bob.sigstore.json", "x");
  CHECK_ERROR(flow::sign_bundle(asked, mallory(), silent()), media, "File exists");
  CHECK_FALSE(std::filesystem::exists(directory.path() / "bob.sig"));  // all or none
}

TEST_CASE("a full region takes nothing more, and loses nothing") {
  Disk disk(good_bundle().bytes());
  const auto add = [&](int i, std::size_t size) {
    bundle::append_signatures(disk, bundle::read_head(disk),
                              {{bundle::signature_stem("s" + std::to_string(i)) + ".sig", std::string(size, 'x')}});
  };
  for (int i = 0; i < 62; ++i) add(i, 512);
  const auto before = bundle::read_head(disk).signatures.size();
  const auto writes = disk.writes.size();
  CHECK_ERROR(add(99, 2000), media, "no room for a further signature");
  CHECK(disk.writes.size() == writes);
  CHECK(bundle::read_head(disk).signatures.size() == before);
}

TEST_CASE("an interrupted signing leaves the earlier signatures or all new ones") {
  const std::string before = good_bundle().bytes();
  const std::string sums = good_bundle().right_sums();
  const auto added = trust::sign(mallory(), bundle::signature_stem("bob"), sums);
  Disk disk(before);
  bundle::append_signatures(disk, bundle::read_head(disk), added);
  REQUIRE(disk.writes.size() == 2);
  CHECK(disk.writes.back().text.size() == Disk::sector);  // takes effect at once

  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same run each time
  std::string flushed = before;
  for (const auto& write : disk.writes) {
    REQUIRE(write.offset % Disk::sector == 0);
    const std::size_t sectors = write.text.size() / Disk::sector;
    for (int round = 0; round < 200; ++round) {
      std::string torn = flushed;
      for (std::size_t i = 0; i < sectors; ++i)
        if (random() % 2 == 0)
          torn.replace(write.offset + i * Disk::sector, Disk::sector, write.text, i * Disk::sector, Disk::sector);
      const auto bundle = verify(torn);  // alice's signature holds
      const auto head = bundle::read_head(MemoryMedium(torn));
      CHECK((head.signatures.size() == 1 || head.signatures.size() == 1 + added.size()));
      // And signing again works on what is left.
      Disk again(torn);
      if (head.signatures.size() == 1) {
        bundle::append_signatures(again, head, added);
        CHECK_FALSE(bundle::read_head(again).leftovers);
      }
    }
    flushed.replace(write.offset, write.text.size(), write.text);
  }
  CHECK(bundle::read_head(MemoryMedium(flushed)).signatures.size() == 1 + added.size());
}
