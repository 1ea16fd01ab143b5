// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/signing.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

void run(const SignVerbOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  const auto request = options.request();
  const auto key = options.signing.load();
  const auto result = flow::sign_bundle(request, key, reporter);
  print_signed(options, request, result, key.public_key(), "signed", global);
}

}  // namespace

void add_sign(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<SignVerbOptions>();
  options->add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock sign /media/usb/kubernetes.tar --key bob.key");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
