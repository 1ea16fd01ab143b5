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
  CLI11_PARSE(app, argc, argv);
  const test_registry::Server server(options);
  std::printf("%u\n", server.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
