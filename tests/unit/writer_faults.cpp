// SPDX-License-Identifier: Apache-2.0
// A medium that fails at its call number N, for every N until nothing fails: after each failure nothing looks finished,
// and the next run makes the bundle that one without failures makes.
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>

#include "airlock/base/file.hpp"
#include "airlock/bundle/parted_blob.hpp"
#include "catch.hpp"
#include "temporary.hpp"
#include "test_bundle.hpp"

using namespace airlock;
using namespace airlock::test;

namespace {

/// How the call that fails does so.
enum class Fault { before, half };

struct Faults {
  unsigned at = 0;  ///< 0: none
  Fault kind = Fault::before;
  unsigned calls = 0;
};

class FaultyMedium final : public bundle::WritableMedium {
 public:
  FaultyMedium(std::unique_ptr<bundle::WritableMedium> medium, Faults& faults)
      : medium_(std::move(medium)), faults_(faults) {}

  void write(std::uint64_t offset, std::string_view bytes) override {
    if (is_time()) {
      if (faults_.kind == Fault::half) medium_->write(offset, bytes.substr(0, bytes.size() / 2));
      fail("write");
    }
    medium_->write(offset, bytes);
  }
  void read(std::uint64_t offset, std::span<char> into) const override {
    if (is_time()) fail("read");
    medium_->read(offset, into);
  }
  void write_back(std::uint64_t offset, std::uint64_t length) override { medium_->write_back(offset, length); }
  void sync() override {
    if (is_time()) fail("sync");
    medium_->sync();
  }
  void commit() override {
    if (is_time()) fail("commit");
    medium_->commit();
  }
  void discard() noexcept override { medium_->discard(); }

 private:
  bool is_time() const { return ++faults_.calls == faults_.at; }
  [[noreturn]] static void fail(const std::string& call) { throw Error(ErrorCode::media, "the medium fails: " + call); }
  std::unique_ptr<bundle::WritableMedium> medium_;
  Faults& faults_;
};

constexpr std::uint64_t part_size = 300'000;

/// A bundle with a blob that comes in parts, and one of several buffers.
struct Work {
  Work() {
    std::string large(1'000'000, 'a');
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i / 7 % 26);
    const std::string config = "{}";
    std::string other = large.substr(0, 700'000);
    other.back() = '!';
    const std::string manifest = manifest_text(config, {large, other});
    whole = make_bundle({{"registry.k8s.io/a:1", manifest, std::string(oci::media_type::oci_manifest)}}, {},
                        {config, large, other});
    for (const auto& [name, text] : whole.entries) {
      if (!name.starts_with("blobs/")) continue;
      if (text.find("schemaVersion") == std::string::npos) blobs.emplace(oci::sha256(text), text);
    }
    graph = graph_of(whole);
    parted = oci::sha256(large);
  }

  TestBundle whole;
  oci::Graph graph;
  std::map<oci::Digest, std::string> blobs;
  oci::Digest parted = oci::sha256("");
};

bool fetch_parts(bundle::Writer& writer, const oci::Digest& digest, const std::string& text, std::uint64_t& fetched) {
  bundle::PartedBlob blob(writer, digest, part_size);
  bool complete = false;
  for (std::size_t number = 0; number < blob.parts(); ++number) {
    auto part = blob.open_part(number);
    const auto rest = text.substr(blob.part_offset(number), blob.part_size(number)).substr(part.received());
    fetched += rest.size();
    for (std::size_t at = 0; at < rest.size(); at += 10'000) part.write(std::string_view(rest).substr(at, 10'000));
    complete = part.finish() == bundle::PartedBlob::End::complete;
  }
  return complete;
}

/// An export as flow has it. Returns how many bytes of blobs it fetched.
std::uint64_t run(const Work& work, const std::filesystem::path& path, const bundle::VolumeOptions& volumes,
                  Faults& faults) {
  const bundle::Draft draft(work.whole.metadata, work.graph);
  auto left = records::read_journal(path);
  bundle::Writer writer(path, draft, volumes, std::move(left),
                        [&](const auto& name, std::uint64_t size, const auto& cut, bundle::Leftovers leftovers) {
                          return std::make_unique<FaultyMedium>(bundle::create_medium(name, size, cut, leftovers),
                                                                faults);
                        });
  Reporter reporter({ReporterOptions::Form::plain, true, false});
  writer.recover(1, reporter);
  std::uint64_t fetched = 0;
  for (const auto& [digest, text] : work.blobs) {
    if (writer.has(digest)) continue;
    if (digest == work.parted) {
      const bool complete = fetch_parts(writer, digest, text, fetched);
      CHECK(complete);
      continue;
    }
    auto blob = writer.open_blob(digest);
    const std::string_view rest = std::string_view(text).substr(blob.received());
    fetched += rest.size();
    for (std::size_t at = 0; at < rest.size(); at += 10'000) blob.write(rest.substr(at, 10'000));
    const bool right = blob.finish();
    CHECK(right);
  }
  writer.finish({{"signatures/alice.sig", alice().sign(draft.sums())}});
  return fetched;
}

/// Whether any file has a name that only a finished bundle may have.
bool looks_finished(const std::filesystem::path& path) {
  return std::filesystem::exists(path) || std::filesystem::exists(bundle::volume_path(path, 1));
}

std::string bytes_of(const std::filesystem::path& path) {
  const auto medium = bundle::open_medium(path);
  std::string bytes(medium->size(), '\0');
  medium->read(0, bytes);
  return bytes;
}

/// All that is not the signature, which differs each time.
std::string comparable(const Work& work, std::string bytes) {
  const std::size_t region = bundle::tar::block_size + bundle::tar::padded(work.whole.right_sums().size());
  return bytes.replace(region, bundle::region_size, "");
}

}  // namespace

TEST_CASE("a medium that fails at any of its calls leaves nothing that looks finished, and the next run goes on") {
  const Work work;
  const auto kind = GENERATE(Fault::before, Fault::half);
  bundle::VolumeOptions volumes;
  volumes.size = GENERATE(std::uint64_t{0}, std::uint64_t{512 * 1024});
  const std::string expected = comparable(work, work.whole.bytes());
  std::uint64_t all = 0;
  for (const auto& [digest, text] : work.blobs) all += text.size();
  std::uint64_t least = all;
  unsigned at = 1;
  for (bool failed = true; failed; ++at) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "b.tar";
    Faults faults{at, kind, 0};
    INFO("call " << at);
    try {
      run(work, path, volumes, faults);
      failed = false;
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::media);
      CHECK_FALSE(looks_finished(path));
      const bool kept = !bundle::find_partials(path, {}).empty();
      // What a later run can use stays, and with it the journal that says what it is; else there is nothing at all.
      CHECK(std::filesystem::exists(records::journal_path(path)) == kept);
      CHECK(kept != std::filesystem::is_empty(directory.path()));
      Faults none;
      const std::uint64_t fetched = run(work, path, volumes, none);
      if (kept) CHECK(fetched < all);
      least = std::min(least, fetched);
    }
    CHECK(comparable(work, bytes_of(path)) == expected);
    CHECK_NOTHROW(verify(bytes_of(path)));
    CHECK(bundle::find_partials(path, {}).empty());
    CHECK_FALSE(std::filesystem::exists(records::journal_path(path)));
  }
  CHECK(least == 0);  // what failed at the very end has it all
  CHECK(at > 30);     // there were so many calls to fail
}

TEST_CASE("a failure of the run that goes on loses nothing of the run before it") {
  const Work work;
  unsigned calls = 0;
  {
    Faults none;
    const TemporaryDirectory directory;
    run(work, directory.path() / "b.tar", {}, none);
    calls = none.calls;
  }
  bool failed = true;
  for (unsigned at = 1; failed; ++at) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "b.tar";
    INFO("call " << at);
    Faults first{calls - 1, Fault::before, 0};  // its last sync
    CHECK_THROWS_AS(run(work, path, {}, first), Error);
    Faults second{at, Fault::half, 0};
    try {
      const std::uint64_t fetched = run(work, path, {}, second);
      failed = false;
      CHECK(fetched == 0);
    } catch (const Error&) {
      CHECK_FALSE(looks_finished(path));
      Faults none;
      CHECK(run(work, path, {}, none) == 0);
    }
    CHECK_NOTHROW(verify(bytes_of(path)));
  }
}

TEST_CASE("a set of volumes that could not be named to its end is not finished, and the next run names it") {
  const Work work;
  const bundle::VolumeOptions volumes{512U * 1024, {}};
  for (const unsigned intruder : {1U, 2U, 3U, 4U}) {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "b.tar";
    const auto taken = bundle::volume_path(path, intruder);
    Faults faults;
    {
      const bundle::Draft draft(work.whole.metadata, work.graph);
      bundle::Writer writer(path, draft, volumes);
      for (const auto& [digest, text] : work.blobs) {
        auto blob = writer.open_blob(digest);
        blob.write(text);
        CHECK(blob.finish());
      }
      write_new_file(taken, "somebody else's");
      CHECK_ERROR(writer.finish({}), media, "File exists");
    }
    CHECK((intruder == 1 || !std::filesystem::exists(bundle::volume_path(path, 1))));
    CHECK(read_file(taken, 100) == "somebody else's");
    std::filesystem::remove(taken);
    CHECK(run(work, path, volumes, faults) == 0);
    CHECK_NOTHROW(verify(bytes_of(path)));
  }
}
