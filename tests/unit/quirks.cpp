// SPDX-License-Identifier: Apache-2.0
#include "registry/quirks.hpp"

#include <nlohmann/json.hpp>

#include "airlock/oci/manifest.hpp"
#include "catch.hpp"
#include "fake_transport.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace airlock::test;

namespace {

HttpAnswer error(long number, const std::string& code) {
  HttpAnswer answer = status(number);
  answer.body = R"({"errors":[{"code":")" + code + R"(","message":"no"}]})";
  return answer;
}

const std::string index_type(oci::media_type::oci_index);
const std::string manifest_type(oci::media_type::oci_manifest);

}  // namespace

TEST_CASE("the hub's names") {
  CHECK(quirks::api_host("docker.io") == "registry-1.docker.io");
  CHECK(quirks::api_host("quay.io") == "quay.io");
  for (const char* host : {"index.docker.io", "registry-1.docker.io", "docker.io"})
    CHECK(quirks::registry_of_credentials(host) == "docker.io");
  CHECK(quirks::registry_of_credentials("docker.io.evil") == "docker.io.evil");
  CHECK(quirks::helper_key("docker.io") == "https://index.docker.io/v1/");
  CHECK(quirks::helper_key("quay.io") == "quay.io");
}

TEST_CASE("what a credential helper says when it has nothing") {
  CHECK(quirks::helper_has_nothing("credentials not found in native keychain\n"));
  CHECK(quirks::helper_has_nothing("Credentials not found"));
  CHECK_FALSE(quirks::helper_has_nothing("keychain is locked"));
}

TEST_CASE("what asks for credentials, and what for a certificate") {
  const std::map<std::string, std::vector<std::string>> basic{{"www-authenticate", {"Basic realm=x"}}};
  CHECK(quirks::is_challenge(status(401), true));
  CHECK(quirks::is_challenge(status(403, basic), false));
  CHECK_FALSE(quirks::is_challenge(status(403, basic), true));
  CHECK_FALSE(quirks::is_challenge(status(403), false));
  CHECK_FALSE(quirks::is_challenge(status(404, basic), false));
  CHECK(quirks::may_want_client_certificate(status(401)));
  CHECK(quirks::may_want_client_certificate(status(401, {{"www-authenticate", {"Negotiate"}}})));
  CHECK_FALSE(quirks::may_want_client_certificate(status(401, basic)));
  CHECK_FALSE(quirks::may_want_client_certificate(status(403)));
  HttpAnswer nginx = status(400);
  CHECK_FALSE(quirks::wants_client_certificate(nginx));
  nginx.body = "<html><head><title>400 No required SSL certificate was sent</title></head>";
  CHECK(quirks::wants_client_certificate(nginx));
  nginx.body = "<html><head><title>400 The SSL certificate error</title></head>";
  CHECK(quirks::wants_client_certificate(nginx));
  nginx.status = 200;
  CHECK_FALSE(quirks::wants_client_certificate(nginx));
}

TEST_CASE("a manifest that is refused on the target's side is one that is not there") {
  CHECK(quirks::lacks_manifest(status(404), Side::source));
  CHECK(quirks::lacks_manifest(status(403), Side::target));
  CHECK_FALSE(quirks::lacks_manifest(status(403), Side::source));
  CHECK_FALSE(quirks::lacks_manifest(status(401), Side::target));
  CHECK(quirks::wants_push_access_to_look(Side::target));
  CHECK_FALSE(quirks::wants_push_access_to_look(Side::source));
}

TEST_CASE("an index whose members are not there is refused in several ways") {
  for (const char* code : {"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_INVALID"})
    for (const long number : {400, 404, 422}) CHECK(quirks::lacks_members(error(number, code), index_type));
  CHECK_FALSE(quirks::lacks_members(error(400, "MANIFEST_BLOB_UNKNOWN"), manifest_type));
  CHECK_FALSE(quirks::lacks_members(error(500, "MANIFEST_BLOB_UNKNOWN"), index_type));
  CHECK_FALSE(quirks::lacks_members(error(403, "DENIED"), index_type));
  CHECK_FALSE(quirks::lacks_members(status(400), index_type));
}

TEST_CASE("failures that pass") {
  for (const long number : {408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 527, 529, 530, 599})
    CHECK(quirks::may_pass(number));
  for (const long number : {200, 400, 401, 403, 404, 409, 413, 501, 505, 507, 511})
    CHECK_FALSE(quirks::may_pass(number));
  CHECK(quirks::may_be_put_again(error(400, "DIGEST_INVALID")));
  CHECK(quirks::may_be_put_again(error(404, "MANIFEST_BLOB_UNKNOWN")));
  CHECK_FALSE(quirks::may_be_put_again(error(400, "MANIFEST_INVALID")));
  CHECK_FALSE(quirks::may_be_put_again(error(500, "DIGEST_INVALID")));
}

TEST_CASE("advice follows the cause that the registry names, not its status alone") {
  const auto advice = [](long number, const std::string& code, const std::string& message) {
    HttpAnswer answer = status(number);
    answer.body = Json{{"errors", {{{"code", code}, {"message", message}}}}}.dump();
    return advice_for(answer, Side::target);
  };
  const auto has = [](const std::string& text, const char* words) { return text.find(words) != std::string::npos; };
  CHECK(
      has(advice(403, "DENIED", "adding 29.0 MiB of storage, which will exceed the configured upper limit"), "quota"));
  CHECK(has(advice(400, "DENIED", "Quota exceeded"), "quota"));
  CHECK(has(advice(412, "PRECONDITION", "the tag is configured as immutable"), "be replaced"));
  CHECK(has(advice(400, "TAG_INVALID", "tag '1' already exists and cannot be overwritten"), "be replaced"));
  CHECK(has(advice(401, "UNAUTHORIZED", "token is not valid yet"), "clocks"));
  CHECK(has(advice(401, "UNAUTHORIZED", "authentication required"), "user name and password"));
  CHECK(has(advice(403, "NAME_UNKNOWN", "project lab not found"), "PREFIX"));
  CHECK(has(advice(403, "DENIED", "requested access is denied"), "credentials do not allow"));
  CHECK(has(advice(405, "UNSUPPORTED", "The operation is unsupported"), "read-only"));
}

TEST_CASE("an error's detail is shown, unless it is long") {
  CHECK(error_text(R"({"errors":[{"code":"A","message":"b","detail":{"mediaType":"c"}}]})") ==
        R"(A: b ({"mediaType":"c"}))");
  CHECK(error_text(R"({"errors":[{"code":"A","message":"b","detail":"c d"}]})") == "A: b (c d)");
  CHECK(error_text(R"({"errors":[{"code":"A","message":"b","detail":{}}]})") == "A: b");
  CHECK(error_text(R"({"errors":[{"code":"A","message":"b","detail":")" + std::string(500, 'x') + R"("}]})") == "A: b");
}

TEST_CASE("registries without a list of referrers") {
  for (const long number : {400, 401, 403, 404, 405, 406, 501}) CHECK(quirks::lacks_referrers_api(status(number)));
  for (const long number : {408, 429, 500, 503}) CHECK_FALSE(quirks::lacks_referrers_api(status(number)));
  HttpAnswer list = status(200);
  for (const char* none : {"", "<html>sign in</html>", "[]", "{}", R"({"manifests":null})"}) {
    list.body = none;
    CHECK(quirks::lacks_referrers_api(list));
  }
  list.body = R"({"manifests":[]})";
  CHECK_FALSE(quirks::lacks_referrers_api(list));
}

TEST_CASE("what the range of an upload acknowledges") {
  CHECK(quirks::acknowledged("0-0") == 0);
  CHECK(quirks::acknowledged("0-1") == 2);
  CHECK(quirks::acknowledged("bytes=0-1023") == 1024);
  for (const char* odd : {"", "-", "0-", "0--1", "x", "0-x", "0-99999999999999999999999"})
    CHECK(quirks::acknowledged(odd) == 0);
}

TEST_CASE("refusals that have another way around them") {
  CHECK(quirks::is_registry(status(403)));
  CHECK_FALSE(quirks::is_registry(status(404)));
  CHECK(quirks::refuses_whole_uploads(status(405)));
  CHECK_FALSE(quirks::refuses_whole_uploads(status(400)));
  CHECK(quirks::refuses_size(status(413)));
  CHECK(quirks::lost_upload(status(416)));
  CHECK_FALSE(quirks::lost_upload(status(400)));
  CHECK(quirks::refuses_identity_token(status(400)));
  CHECK_FALSE(quirks::refuses_identity_token(status(403)));
  CHECK(quirks::refuses_name(error(404, "NAME_UNKNOWN")));
  CHECK_FALSE(quirks::refuses_name(error(404, "MANIFEST_UNKNOWN")));
}

TEST_CASE("how many pulls are left") {
  const auto limit =
      quirks::rate_limit(status(200, {{"ratelimit-remaining", {"76;w=21600"}}, {"ratelimit-limit", {"100;w=21600"}}}));
  REQUIRE(limit);
  CHECK(limit->remaining == 76);
  CHECK(limit->limit == 100);
  CHECK(quirks::rate_limit(status(200, {{"ratelimit-remaining", {"7"}}}))->limit == 0);
  CHECK_FALSE(quirks::rate_limit(status(200)));
  CHECK_FALSE(quirks::rate_limit(status(200, {{"ratelimit-remaining", {"many"}}})));
}
