// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/registry/types.hpp"
#include "catch.hpp"
#include "registry/auth.hpp"
#include "registry/http.hpp"
#include "registry/link_header.hpp"
#include "registry/session.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::registry;

TEST_CASE("where a list continues") {
  CHECK(next_page({R"(</v2/a?n=2>; rel="next")"}) == "/v2/a?n=2");
  CHECK(next_page({"<x>;rel=next"}) == "x");
  CHECK(next_page({R"(<a>; title="x, <b>; rel=next"; rel=prev, <c> ; REL="last Next")"}) == "c");
  CHECK(next_page({"<a>; rel=prev", "<b>; type=x; rel=next"}) == "b");
  for (const char* none :
       {"", "<a>", "<a>; rel=nextish", "<a", "<a>; rel", "a; rel=next", "<a>; rev=next", "<a>;;;", ","})
    CHECK_FALSE(next_page({none}));
}

TEST_CASE("origins keep schemes, hosts and ports apart") {
  CHECK(origin_of("https://Host.io:443/v2/") == Origin{"https", "host.io"});
  CHECK(origin_of("http://host.io/x") == Origin{"http", "host.io"});
  CHECK(origin_of("https://host.io:5000/x")->host == "host.io:5000");
  for (const char* bad :
       {"", "/v2/", "ftp://host/", "host.io/v2", "https://", "https://h%2fst/", "https://h\xc3\xb6st/"})
    CHECK_FALSE(origin_of(bad));
}

TEST_CASE("an address without TLS at the registry's own host and port is taken for one with it") {
  const Origin registry{"https", "r.io:5000"};
  CHECK(url_over_tls("http://r.io:5000/v2/x?a=b%20c", registry) == "https://r.io:5000/v2/x?a=b%20c");
  CHECK(url_over_tls("http://R.io/v2/", {"https", "r.io"}) == "https://R.io/v2/");
  CHECK(url_over_tls("http://r.io:80/v2/", {"https", "r.io"}) == "https://r.io/v2/");
  for (const char* other : {"http://r.io/x", "http://r.io:5001/x", "http://x.r.io:5000/x", "https://r.io:5000/x", "",
                            "/x", "ftp://r.io:5000/"})
    CHECK(url_over_tls(other, registry) == other);
  CHECK(url_over_tls("http://r.io:5000/x", {"http", "r.io:5000"}) == "http://r.io:5000/x");
}

TEST_CASE("locations are absolute or relative") {
  const std::string base = "https://r.io:5000/v2/a/blobs/uploads/";
  CHECK(resolve_url(base, "/v2/x?_state=1") == "https://r.io:5000/v2/x?_state=1");
  CHECK(resolve_url(base, "https://cdn.io/b") == "https://cdn.io/b");
  CHECK(resolve_url(base, "17") == "https://r.io:5000/v2/a/blobs/uploads/17");
  CHECK(url_encode("repository:a/b:pull,push") == "repository%3aa%2fb%3apull%2cpush");
}

TEST_CASE("error bodies become messages, whatever they hold") {
  CHECK(error_text(R"({"errors":[{"code":"DENIED","message":"no\nway"}]})") == "DENIED: no?way");
  for (const char* odd :
       {"", "<html>", "[]", "{}", R"({"errors":[]})", R"({"errors":[1]})", R"({"errors":[{"code":1}]})"})
    CHECK(error_text(odd).empty());
}

TEST_CASE("registry locations") {
  const auto location = Location::parse("registry.local:5000/k8s/");
  CHECK(location.host == "registry.local:5000");
  CHECK(location.prefix.value() == "k8s");
  CHECK_FALSE(Location::parse("localhost").prefix);
  for (const char* bad : {"", "https://registry.local", "registry.local/UPPER", "registry.local:x", "/k8s", "a b"})
    CHECK_ERROR(Location::parse(bad), usage, "is not a registry");
}

TEST_CASE("credentials come from Docker's config.json, and never appear in errors") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "config.json";
  ::setenv("DOCKER_CONFIG", directory.path().c_str(), 1);
  ::unsetenv("REGISTRY_AUTH_FILE");
  CHECK_FALSE(CredentialStore::from_environment().find("docker.io"));
  write_new_file(file, R"({"auths":{"https://index.docker.io/v1/":{"auth":")" + base64_encode("u:p:q") +
                           R"("},"quay.io":{"username":"a","password":"b"},"empty.io":{}}})");
  const auto store = CredentialStore::from_environment();
  REQUIRE(store.find("docker.io"));
  CHECK(store.find("docker.io")->username == "u");
  CHECK(store.find("docker.io")->password == Secret("p:q"));
  CHECK(store.find("quay.io")->password == Secret("b"));
  CHECK_FALSE(store.find("empty.io"));
  CHECK_FALSE(store.find("ghcr.io"));
  replace_file(file, R"({"auths":{"quay.io":{"auth":"hunter2!"}}})");
  CHECK_FALSE(CredentialStore::from_environment().find("quay.io"));
  replace_file(file, R"({"auths":{"quay.io":{"password":hunter2}}})");
  try {
    CredentialStore::from_environment();
    FAIL_CHECK("no Error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
  }
  ::unsetenv("DOCKER_CONFIG");
}
