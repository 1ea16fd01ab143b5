// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "cli/signing.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ApproveOptions : SignVerbOptions {
  std::string comment;
};

void run(const ApproveOptions& options, const GlobalOptions& global) {
  constexpr std::size_t longest_comment = 2000;
  if (options.comment.size() > longest_comment)
    throw Error(ErrorCode::usage, fmt::format("--comment has {} bytes; a bundle stores at most {}",
                                              options.comment.size(), longest_comment))
        .hint("shorten it, and refer to the full review in it");
  if (!is_utf8(options.comment))
    throw Error(ErrorCode::usage, "--comment is not in UTF-8")
        .hint("set the terminal's encoding to UTF-8 (LANG=C.UTF-8)");
  Reporter reporter(global.reporter());
  const auto request = options.request();
  const auto key = options.signing.load();
  const auto result = flow::approve_bundle(request, key, options.comment, reporter);
  print_signed(options, request, result, key.public_key(), "approved", global);
}

}  // namespace

void add_approve(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ApproveOptions>();
  options->add_to(verb);
  verb.add_option("--comment", options->comment, "The reviewer's comment; it is signed with the approval")
      ->type_name("TEXT");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock approve /media/usb/kubernetes.tar --key bob.key --comment \"scanned, change 4711\"\n"
      "Verify the exporter's signature first: airlock verify BUNDLE --key PUB. With the digest that it prints, "
      "--verified avoids reading everything a second time.");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
