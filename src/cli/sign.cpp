// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/flow/sign.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct SignOptions {
  std::string bundle;
  SigningOptions signing;
  unsigned jobs = 2;
};

void run(const SignOptions& options, const Conduct& conduct) {
  Reporter reporter(conduct.reporter());
  const auto key = options.signing.load();
  const std::string name = options.signing.signature_name();
  flow::sign_bundle(options.bundle, key, name, options.jobs, reporter);
  if (conduct.json())
    print(pretty_json({{"bundle", options.bundle}, {"name", name}, {"signer", key.public_key().fingerprint()}}) + "\n");
  else
    print(options.bundle + ": checked, and signed by " + name + ", " + key.public_key().fingerprint() + "\n");
}

}  // namespace

void add_sign(CLI::App& app, Conduct& conduct) {
  auto* verb = app.add_subcommand("sign", "Check a bundle's content and add a signature to it, in place");
  const auto options = std::make_shared<SignOptions>();
  verb->add_option("BUNDLE", options->bundle, "The bundle")->required();
  options->signing.add_to(*verb);
  verb->get_option("--key")->required();
  add_jobs(*verb, options->jobs);
  conduct.add_to(*verb);
  verb->footer("Example:\n  airlock sign /media/usb/kubernetes.tar --key bob.key");
  verb->callback([=, &conduct] { run(*options, conduct); });
}

}  // namespace airlock::cli
