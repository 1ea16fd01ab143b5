// SPDX-License-Identifier: Apache-2.0
// test-registry: a registry that misbehaves on demand. Prints its port, then serves until its standard input ends, so
// it never outlives the test that started it.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "server.hpp"

int main(int argc, char** argv) {
  CLI::App app("A registry for tests, on a free loopback port", "test-registry");
  test_registry::Options options;
  app.add_option("--auth", options.auth)->check(CLI::IsMember({"none", "basic", "token"}));
  app.add_option("--login", options.login, "user:password");
  app.add_flag("--anonymous-tokens", options.anonymous_tokens);
  app.add_option("--token-lifetime", options.token_lifetime, "seconds");
  app.add_option("--realm", options.realm, "base URL of another server that gives tokens");
  app.add_option("--identity-token", options.identity_token, "what OAuth2 takes for a refresh token");
  app.add_option("--max-body", options.max_body, "bytes of a request; more is refused with 413");
  app.add_flag("--chunks-only", options.chunks_only, "refuse uploads in one piece");
  app.add_option("--chunk-min", options.chunk_min, "OCI-Chunk-Min-Length");
  app.add_flag("--referrers", options.referrers, "have the referrers API");
  app.add_flag("--absolute-locations", options.absolute_locations);
  test_registry::Distance distance;
  app.add_option("--delay", distance.delay_ms, "milliseconds before each answer");
  app.add_option("--rate", distance.bytes_per_second, "bytes per second of each connection");
  app.add_flag("--no-log", distance.no_log);
  CLI11_PARSE(app, argc, argv);
  const test_registry::Server server(options, distance);
  std::printf("%u\n", server.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
