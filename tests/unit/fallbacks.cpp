// SPDX-License-Identifier: Apache-2.0
// What saves time and is refused: then the plain way, and the content is the same.
#include <string>

#include "catch.hpp"
#include "fake_registry.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;

namespace {

const Repository repository{oci::Registry::parse("r.local"), oci::Repository::parse("a")};

struct Pushed {
  Client::PushResult result;
  std::vector<Sent> sent;
};

Pushed push(FakeRegistry& registry, const std::string& blob, const char* mount_from = nullptr) {
  FakeNet net([&](const HttpRequest& request) { return registry.serve(request); });
  FakeTransport& transport = net.transport;
  Client client(std::move(net.session));
  const auto from = mount_from == nullptr ? std::nullopt : std::optional(oci::Repository::parse(mount_from));
  const auto result = client.push_blob(repository, oci::sha256(blob), blob.size(), from,
                                       [&] { return std::make_unique<Pieces>(blob); });
  return {result, transport.sent()};
}

/// Notes what it is given.
class TextSink final : public BlobSink {
 public:
  void write(std::string_view bytes) override { text += bytes; }
  std::uint64_t received() const override { return text.size(); }
  std::string text;
};

bool has_range(const HttpRequest& request) {
  return std::ranges::any_of(request.headers, [](const auto& header) { return header.starts_with("Range: "); });
}

}  // namespace

TEST_CASE("a mount that is refused, or was not made, becomes an upload") {
  const std::string blob = made_blob(1000);
  for (const long number : {201, 400, 401, 403, 404, 405, 409}) {
    FakeRegistry registry;
    registry.instead = [&](const HttpRequest& request) -> std::optional<HttpAnswer> {
      if (request.url.find("mount=") == std::string::npos) return std::nullopt;
      return status(number, {{"location", {"/v2/a/blobs/x"}}});
    };
    INFO(number);
    CHECK(push(registry, blob, "b").result == Client::PushResult::sent);
    CHECK(registry.blobs.size() == 1);
  }
}

TEST_CASE("a mount that was made is believed when the blob is there") {
  const std::string blob = made_blob(1000);
  FakeRegistry registry;
  registry.instead = [&](const HttpRequest& request) -> std::optional<HttpAnswer> {
    if (request.url.find("mount=") == std::string::npos) return std::nullopt;
    registry.blobs[oci::sha256(blob).str()] = blob;
    return status(201);
  };
  CHECK(push(registry, blob, "b").result == Client::PushResult::mounted);
  CHECK(registry.received == 0);
}

TEST_CASE("a chunk that is taken in part is followed by what is left of it") {
  const std::string blob = made_blob(300'000);
  FakeRegistry registry;
  registry.takes = FakeRegistry::Takes::chunks;
  registry.takes_half = true;
  push(registry, blob);
  CHECK(registry.blobs.at(oci::sha256(blob).str()) == blob);
}

TEST_CASE("a HEAD that is refused leaves it open whether a blob is there") {
  for (const auto& [number, there] : std::map<long, std::optional<bool>>{
           {200, true}, {404, false}, {405, std::nullopt}, {501, std::nullopt}, {400, std::nullopt}}) {
    FakeNet net([&](const HttpRequest& request) { return status(request.method == "HEAD" ? number : 200); });
    Client client(std::move(net.session));
    CHECK(client.has_blob(repository, oci::sha256("x")) == there);
  }
  FakeNet net([&](const HttpRequest& request) { return status(request.method == "HEAD" ? 403 : 200); });
  Client client(std::move(net.session));
  CHECK_ERROR(client.has_blob(repository, oci::sha256("x")), registry, "HTTP 403");
}

TEST_CASE("a part that is refused is taken from the whole, and the registry is not asked for parts again") {
  const std::string blob = made_blob(100'000);
  for (const long number : {400, 403, 416, 501}) {
    unsigned refused = 0;
    FakeNet net([&](const HttpRequest& request) {
      if (request.url.ends_with("/v2/")) return status(200);
      if (has_range(request)) {
        ++refused;
        return status(number);
      }
      const HttpAnswer whole = status(200);
      if (request.before_sink) request.before_sink(whole);
      for (std::size_t at = 0; at < blob.size(); at += 7000)
        if (!request.sink(std::string_view(blob).substr(at, 7000))) break;
      return whole;
    });
    Client client(std::move(net.session));
    for (const std::uint64_t offset : {30'000U, 60'000U}) {
      TextSink sink;
      client.fetch_blob(repository, oci::sha256(blob), {offset, 20'000, blob.size()}, sink);
      CHECK(sink.text == blob.substr(offset, 20'000));
    }
    CHECK(refused == 1);
  }
}

TEST_CASE("a manifest is put again where the refusal passes") {
  const auto put = [](const char* code, const char* type, Client::Members members, unsigned refusals) {
    unsigned puts = 0;
    FakeNet net([&](const HttpRequest& request) {
      if (request.method != "PUT" || ++puts > refusals) return status(200);
      HttpAnswer answer = status(400);
      answer.body = std::string(R"({"errors":[{"code":")") + code + R"("}]})";
      return answer;
    });
    Client client(std::move(net.session));
    const auto result = client.push_manifest(repository, oci::Tag::parse("1"), type, "{}", members);
    return std::pair(result, puts);
  };
  const std::string manifest(oci::media_type::oci_manifest);
  const std::string index(oci::media_type::oci_index);
  using Members = Client::Members;
  using Result = Client::PutResult;
  for (const char* code : {"DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"})
    CHECK(put(code, manifest.c_str(), Members::all, 2) == std::pair(Result::stored, 3U));
  CHECK_ERROR(put("DIGEST_INVALID", manifest.c_str(), Members::all, 99), registry, "DIGEST_INVALID");
  CHECK_ERROR(put("MANIFEST_INVALID", manifest.c_str(), Members::all, 1), registry, "MANIFEST_INVALID");
  // An index that lacks members is refused for good; one that does not may be early.
  CHECK(put("MANIFEST_BLOB_UNKNOWN", index.c_str(), Members::some, 99) == std::pair(Result::members_missing, 1U));
  CHECK(put("MANIFEST_BLOB_UNKNOWN", index.c_str(), Members::all, 1) == std::pair(Result::stored, 2U));
}

TEST_CASE("a registry that takes no manifests of a type says so to an empty one") {
  for (const auto& [number, takes] : std::map<long, bool>{{400, true}, {404, true}, {415, false}}) {
    FakeNet net([&](const HttpRequest& request) { return status(request.method == "PUT" ? number : 200); });
    Client client(std::move(net.session));
    CHECK(client.takes_type(repository, std::string(oci::media_type::docker_manifest)) == takes);
  }
}
