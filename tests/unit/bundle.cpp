// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "airlock/base/file.hpp"
#include "airlock/bundle/parted_blob.hpp"
#include "airlock/flow/sign.hpp"
#include "catch.hpp"
#include "temporary.hpp"
#include "test_bundle.hpp"

using namespace airlock;
using namespace airlock::test;

TEST_CASE("tar headers have one form and read back") {
  for (const std::uint64_t size : {0ULL, 1ULL, 8589934591ULL, 8589934592ULL, 1ULL << 50}) {
    const auto header = bundle::tar::make_header({"blobs/sha256/x", size});
    const auto entry = bundle::tar::parse_header(header, 0);
    CHECK(entry.name == "blobs/sha256/x");
    CHECK(entry.size == size);
  }
  CHECK(bundle::tar::padded(0) == 0);
  CHECK(bundle::tar::padded(513) == 1024);
}

TEST_CASE("SHA256SUMS") {
  const std::string hex(64, '0');
  const bundle::Sums sums{{"a/b", oci::Digest::from_hex(hex)}, {"b", oci::Digest::from_hex(hex)}};
  const std::string text = bundle::format_sums({sums[1], sums[0]});
  CHECK(text == hex + "  a/b\n" + hex + "  b\n");
  CHECK(bundle::parse_sums(text) == sums);
}

TEST_CASE("an entry's name is its text, also where it is kept as a digest") {
  const oci::Digest digest = oci::sha256("x");
  const bundle::EntryName blob(bundle::blob_name(digest));
  REQUIRE(blob.blob() != nullptr);
  CHECK(*blob.blob() == digest);
  CHECK(blob == bundle::EntryName(digest));
  CHECK(blob.str() == bundle::blob_name(digest));
  for (const char* other : {"blobs/sha256/x", "blobs/sha256/", "bundle.json", ""}) {
    const bundle::EntryName name(other);
    CHECK(name.blob() == nullptr);
    CHECK(name.str() == other);
  }
  std::string upper = bundle::blob_name(digest);
  upper.back() = 'F';
  CHECK(bundle::EntryName(upper).blob() == nullptr);
  std::vector<std::string> texts{"bundle.json",   bundle::blob_name(oci::sha256("y")), "blobs/sha256/zz",
                                 "blobs/sha256/", bundle::blob_name(digest),           upper};
  std::vector<bundle::EntryName> names(texts.begin(), texts.end());
  std::sort(texts.begin(), texts.end());
  std::sort(names.begin(), names.end());
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(names[i].str() == texts[i]);
}

TEST_CASE("metadata is written in pieces as it is formatted") {
  bundle::Metadata metadata = good_bundle().metadata;
  metadata.base.blobs = {{oci::sha256("elsewhere"), 9, "application/vnd.oci.image.layer.v1.tar"}};
  metadata.base.sources = {{records::InventoryKind::lock, std::nullopt, "", 0}};
  while (metadata.blobs.size() < 1000) metadata.blobs.push_back(metadata.blobs.front());
  std::string text;
  std::size_t pieces = 0;
  metadata.write([&](std::string_view piece) {
    text += piece;
    ++pieces;
  });
  CHECK(pieces > 1);
  CHECK(text == canonical_json(parse_json(text, "bundle.json")));
  const auto write = [&](const bundle::TextSink& sink) { metadata.write(sink); };
  CHECK(bundle::is_text(text, write));
  CHECK_FALSE(bundle::is_text(text + " ", write));
  CHECK_FALSE(bundle::is_text(std::string_view(text).substr(0, text.size() - 1), write));
  text[text.size() / 2] ^= 1;
  CHECK_FALSE(bundle::is_text(text, write));
}

TEST_CASE("a right bundle is verified and gives out what it holds") {
  const auto bundle = verify(good_bundle().bytes());
  CHECK(bundle.metadata().images.size() == 2);
  CHECK(bundle.metadata().blobs.size() == 10);
  const auto digest = oci::sha256(layer_text());
  auto reader = bundle.open_blob(digest);
  CHECK(reader.next() == layer_text());
  CHECK(reader.next().empty());
  CHECK(bundle.evidence().requirements().at(0).signers.at(0).name == "alice");
}

TEST_CASE("the writer makes what the test's own assembly makes, and only a whole bundle gets its name") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "b.tar";
  const TestBundle expected = good_bundle();
  std::map<oci::Digest, std::string> blobs;
  for (const auto& [name, text] : expected.entries)
    if (name.starts_with("blobs/") && text.find("schemaVersion") == std::string::npos)
      blobs.emplace(oci::sha256(text), text);
  const oci::Graph graph = graph_of(expected);
  const bundle::Draft draft(expected.metadata, graph);
  CHECK(draft.sums() == expected.right_sums());
  CHECK(draft.total_size() == expected.bytes().size());
  const trust::SignatureFile signature{"signatures/alice.sig", alice().sign(draft.sums())};
  {
    bundle::Writer writer(path, draft);
    CHECK_ERROR(bundle::Writer(path, draft), media, "written by another airlock");
    CHECK_ERROR(writer.finish({signature}), internal, "never arrived");
    for (const auto& [digest, text] : blobs) {
      if (text.size() > 5) {  // in parts of 5 bytes, the last one first
        bundle::PartedBlob parted(writer, digest, 5);
        for (std::size_t number = parted.parts(); number-- > 0;) {
          auto part = parted.open_part(number);
          part.write(text.substr(parted.part_offset(number), parted.part_size(number)));
          CHECK((part.finish() == bundle::PartedBlob::End::complete) == (number == 0));
        }
        continue;
      }
      auto blob = writer.open_blob(digest);
      for (const char c : text) blob.write({&c, 1});
      CHECK(blob.finish());
    }
    CHECK_FALSE(std::filesystem::exists(path));
    writer.finish({signature});
  }
  CHECK_FALSE(std::filesystem::exists(path.string() + ".partial"));
  TestBundle same = expected;
  same.signatures = {{signature}};
  CHECK(read_file(path, 1U << 20) == same.bytes());
  CHECK_ERROR(bundle::Writer(path, draft), media, "exists");
}

TEST_CASE("blobs that are not what their manifest says are refused while they are written") {
  const TemporaryDirectory directory;
  const TestBundle expected = good_bundle();
  const oci::Graph graph = graph_of(expected);
  const bundle::Draft draft(expected.metadata, graph);
  const auto path = directory.path() / "b.tar";
  {
    bundle::Writer writer(path, draft);
    const auto digest = oci::sha256("amd64 layer");
    auto long_one = writer.open_blob(digest);
    CHECK_ERROR(long_one.write("amd64 layer and more"), format, "more than the 11 bytes");
    auto short_one = writer.open_blob(digest);
    short_one.write("amd64");
    CHECK_ERROR(short_one.finish(), format, "ended after 5 of 11");
    auto wrong_one = writer.open_blob(digest);
    wrong_one.write("amd64 lay3r");
    CHECK_ERROR(wrong_one.finish(), format, "have the digest");
  }
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("a limit on the file's size shows before anything is written, and leaves nothing") {
  const TemporaryDirectory directory;
  const TestBundle expected = good_bundle();
  const oci::Graph graph = graph_of(expected);
  const bundle::Draft draft(expected.metadata, graph);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_ERROR(bundle::Writer(directory.path() / "b.tar", draft), media, "more than a file may have there");
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("a blob that changes between two reads never gives its last piece") {
  /// Answers differently from the second time on, as a lying USB device may.
  class TwoFaced final : public bundle::ReadableMedium {
   public:
    explicit TwoFaced(std::string bytes) : bytes_(std::move(bytes)) {}
    std::uint64_t size() const override { return bytes_.size(); }
    std::string name() const override { return "two-faced"; }
    void read(std::uint64_t offset, std::span<char> into) const override {
      std::memcpy(into.data(), bytes_.data() + offset, into.size());
      if (lying && into.size() == 11) into[0] = 'X';
    }
    bool lying = false;

   private:
    std::string bytes_;
  };
  const auto medium = std::make_shared<TwoFaced>(good_bundle().bytes());
  Reporter reporter({ReporterOptions::Form::plain, true, false});
  const auto bundle = bundle::verify(medium, alices_policy(), {}, reporter);
  medium->lying = true;
  auto reader = bundle.open_blob(oci::sha256("amd64 layer"));
  CHECK_ERROR(reader.next(), format, "its content has the digest");
}

TEST_CASE("what a bundle says of itself can be read without a key") {
  const auto unverified = bundle::read_unverified(std::make_shared<MemoryMedium>(good_bundle().bytes()));
  CHECK(unverified.metadata.serial == 7);
  CHECK(unverified.signature_names == std::vector<std::string>{"signatures/alice.sig"});
}
