// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/release.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

void run(const std::string& directory, const SigningOptions& signing, const GlobalOptions& global) {
  if (signing.key.empty())
    throw Error(ErrorCode::usage, "--key is missing").hint("name the private key that signs releases");
  const flow::Release release = flow::read_release(directory);
  const auto names = flow::sign_release(release, signing.load(), signing.signature_name());
  if (global.json())
    print_json({{"release", directory}, {"signatures", names}});
  else
    print(fmt::format("{}: signed, {}\n", directory, join(names, ", ")));
}

}  // namespace

void add_sign_release(CLI::App& verb, GlobalOptions& global) {
  const auto directory = std::make_shared<std::string>();
  const auto signing = std::make_shared<SigningOptions>();
  verb.add_option("DIRECTORY", *directory, "A directory whose SHA256SUMS lists all its files")->required();
  signing->add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock sign-release airlock-0.1.0 --key airlock-release.key");
  verb.callback([=, &global] { run(*directory, *signing, global); });
}

}  // namespace airlock::cli
