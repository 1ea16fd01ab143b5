// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/signing.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

void run(const SignVerbOptions& options, const Conduct& conduct) {
  Reporter reporter(conduct.reporter());
  const auto request = options.request();
  const auto key = options.signing.load();
  const auto result = flow::sign_bundle(request, key, reporter);
  print_signed(options, request, result, key.public_key(), "signed", conduct);
}

}  // namespace

void add_sign(CLI::App& app, Conduct& conduct) {
  auto* verb = app.add_subcommand("sign", "Check a bundle's content and add a signature to it, in place");
  const auto options = std::make_shared<SignVerbOptions>();
  options->add_to(*verb);
  conduct.add_to(*verb);
  verb->footer("Example:\n  airlock sign /media/usb/kubernetes.tar --key bob.key");
  verb->callback([=, &conduct] { run(*options, conduct); });
}

}  // namespace airlock::cli
