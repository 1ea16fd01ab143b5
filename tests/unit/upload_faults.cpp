// SPDX-License-Identifier: Apache-2.0
// A line to a registry that breaks at request number N, for every N until nothing breaks: before the request arrived,
// in the middle of it, or with the answer. The blob arrives whole each time.
#include <algorithm>
#include <map>
#include <string>

#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "fake_registry.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;

namespace {

using Takes = FakeRegistry::Takes;

void push(FakeRegistry& registry, const std::string& blob, const std::filesystem::path& ledger = {}) {
  ClientOptions options;
  options.upload_ledger = ledger;
  FakeNet net([&](const HttpRequest& request) { return registry.serve(request); }, options);
  Client client(std::move(net.session));
  const Repository repository{oci::Registry::parse("r.local"), oci::Repository::parse("a")};
  const auto result = client.push_blob(repository, oci::sha256(blob), blob.size(), std::nullopt,
                                       [&] { return std::make_unique<Pieces>(blob); });
  CHECK(result == Client::PushResult::sent);
  CHECK((registry.blobs.at(oci::sha256(blob).str()) == blob));
}

}  // namespace

TEST_CASE("an upload whose line breaks once, anywhere, arrives whole") {
  const std::string blob = made_blob(6'000'000);
  const auto kind = GENERATE(Break::before, Break::half, Break::answer);
  const auto takes = GENERATE(Takes::all, Takes::small_requests, Takes::chunks);
  for (unsigned at = 1;; ++at) {
    FakeRegistry registry;
    registry.takes = takes;
    registry.kind = kind;
    registry.break_at = at;
    INFO("request " << at);
    push(registry, blob);
    // What arrived is not sent again, unless the answer that said so was lost with all else.
    CHECK(registry.received < blob.size() * 3);
    if (registry.requests < at) break;
    REQUIRE(at < 50);
  }
}

TEST_CASE("an upload that a run could not finish is resumed by the next run") {
  const std::string blob = made_blob(UploadLedger::from_size + 1'000'000);
  const auto kind = GENERATE(Break::before, Break::half, Break::answer);
  const auto takes = GENERATE(Takes::all, Takes::small_requests, Takes::chunks);
  bool gone_on_with = false;
  for (unsigned at = 2;; ++at) {
    const TemporaryDirectory directory;
    const auto ledger = directory.path() / "uploads";
    FakeRegistry registry;
    registry.takes = takes;
    registry.kind = kind;
    registry.break_at = at;
    registry.and_later_ones = true;
    INFO("from request " << at << " on");
    try {
      push(registry, blob, ledger);
      CHECK(registry.requests < at);
      break;
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::registry);
    }
    REQUIRE(at < 50);
    registry.break_at = 0;
    registry.and_later_ones = false;
    registry.received = 0;
    push(registry, blob, ledger);
    gone_on_with = gone_on_with || registry.received < blob.size();
  }
  CHECK(gone_on_with == (kind == Break::half || takes != Takes::all));
}
