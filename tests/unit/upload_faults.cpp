// SPDX-License-Identifier: Apache-2.0
// A line to a registry that breaks at request number N, for every N until nothing breaks: before the request arrived,
// in the middle of it, or with the answer. The blob arrives whole each time.
#include <algorithm>
#include <map>
#include <string>

#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "fake_transport.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;

namespace {

enum class Break { before, half, answer };

/// Takes uploads as the specification has them (distribution-spec, "Pushing blobs").
class FakeRegistry {
 public:
  enum class Takes { all, small_requests, chunks } takes = Takes::all;
  unsigned break_at = 0;        ///< this request breaks
  bool and_later_ones = false;  ///< and all that follow
  Break kind = Break::before;
  unsigned requests = 0;
  std::uint64_t received = 0;  ///< bytes of bodies
  std::map<std::string, std::string> blobs;

  HttpAnswer serve(const HttpRequest& request) {
    ++requests;
    const bool breaks = requests == break_at || (and_later_ones && requests > break_at);
    if (breaks && kind == Break::before) return broken(HttpAnswer::Failure::transient);
    const HttpAnswer answer = take(request, breaks && kind == Break::half);
    return breaks ? broken(HttpAnswer::Failure::transient) : answer;
  }

 private:
  HttpAnswer take(const HttpRequest& request, bool half) {
    const std::string path = request.url.substr(std::string("https://r.local").size());
    if (path == "/v2/") return status(200);
    if (request.method == "POST") {
      const std::string place = path + std::to_string(++opened_);
      uploads_[place];
      return status(202, {{"location", {place}}});
    }
    if (request.method == "HEAD") return status(blobs.contains(path.substr(path.rfind('/') + 1)) ? 200 : 404);
    const std::string place = path.substr(0, path.find('?'));
    const auto upload = uploads_.find(place);
    if (upload == uploads_.end()) return status(404);
    if (request.method == "GET") return status(204, place_headers(place, upload->second));
    if (request.method == "DELETE") {
      uploads_.erase(upload);
      return status(204);
    }
    return write(request, upload->first, half);
  }

  static std::map<std::string, std::vector<std::string>> place_headers(const std::string& place,
                                                                       const std::string& kept) {
    return {{"location", {place}}, {"range", {"0-" + std::to_string(kept.empty() ? 0 : kept.size() - 1)}}};
  }

  HttpAnswer write(const HttpRequest& request, const std::string& place, bool half) {
    std::string& kept = uploads_.at(place);
    for (const std::string& header : request.headers)
      if (header.starts_with("Content-Range: ") && !header.starts_with("Content-Range: " + std::to_string(kept.size())))
        return status(416);
    if (takes == Takes::chunks && request.method == "PUT" && request.body_size > 0) return status(405);
    if (takes == Takes::small_requests && request.body_size > 5'000'000) return status(413);
    std::string body(half ? request.body_size / 2 : request.body_size, '\0');
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t got = request.body(body.data() + at, std::min<std::size_t>(body.size() - at, 100'000));
      if (got == 0) return status(400);
      at += got;
    }
    received += body.size();
    kept += body;
    if (half) return {};
    if (request.method == "PATCH") return status(202, place_headers(place, kept));
    const std::string digest = oci::sha256(kept).str();
    const bool right = request.url.ends_with("digest=" + url_encode(digest));
    if (right) blobs[digest] = kept;
    uploads_.erase(place);
    return status(right ? 201 : 400);
  }

  std::map<std::string, std::string> uploads_;
  unsigned opened_ = 0;
};

using Takes = FakeRegistry::Takes;

class Pieces final : public BlobSource {
 public:
  explicit Pieces(const std::string& text) : left_(text) {}
  std::string_view next() override {
    const auto piece = left_.substr(0, 300'000);
    left_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view left_;
};

std::string made_blob(std::size_t size) {
  std::string made(size, '\0');
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(i * i / 1000);
  return made;
}

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
