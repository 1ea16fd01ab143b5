// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/merge.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct MergeOptions {
  std::vector<std::filesystem::path> bundles;
  SigningOptions signing;
  std::string trusted;
  std::string policy;
  VolumeSizeOptions volumes;
  std::string output;
  std::string stream;
  std::optional<std::uint64_t> serial;
};

trust::Policy policy_of(const MergeOptions& options) {
  TrustOptions trust;
  trust.key_file = options.trusted;
  trust.policy_file = options.policy;
  if (trust.key_file.empty() && trust.policy_file.empty())
    throw Error(ErrorCode::usage, "--trusted PUB or --policy FILE is missing")
        .hint("the bundles are verified before they are merged; --key is the key that signs the new one");
  return trust.policy();
}

void run(const MergeOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  flow::MergeRequest request;
  request.bundles = options.bundles;
  request.verify.volumes = options.volumes.places.places();
  request.verify.jobs = processors();
  request.output = options.output;
  request.volumes = options.volumes.volumes();
  request.stream = options.stream;
  request.serial = options.serial;
  request.signature_name = options.signing.signature_name();
  const auto policy = policy_of(options);
  const auto key = options.signing.load();
  const auto result = flow::merge_bundles(request, policy, key, reporter);
  if (global.json())
    print_json({{"bundle", options.output},
                {"images", result.metadata.images.size()},
                {"blobs", result.metadata.blobs.size()},
                {"reliedOn", result.metadata.base.blobs.size()},
                {"archiveSize", result.archive_size},
                {"sumsDigest", result.sums_digest.str()}});
  else
    print(fmt::format("{}: merged and signed, {}\n  content    {}, {}{}\n  SHA256SUMS {}\n{}", options.output,
                      human_size(result.archive_size), count_of(result.metadata.images.size(), "image"),
                      count_of(result.metadata.blobs.size(), "blob"),
                      result.metadata.base.blobs.empty()
                          ? ""
                          : fmt::format("; depends on {} that none of them contains",
                                        count_of(result.metadata.base.blobs.size(), "blob")),
                      result.sums_digest.str(), volumes_text(options.output, request.volumes.places)));
  if (!global.json())
    reporter.note(fmt::format("Next: carry it over, and verify it there with\n  airlock verify {} --key PUB",
                              shell_word(options.output)));
}

}  // namespace

void add_merge(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<MergeOptions>();
  verb.add_option("BUNDLE", options->bundles, "The bundles")->required()->expected(2, -1);
  verb.add_option("-o", options->output, "The bundle to write; must not exist")->required()->type_name("BUNDLE");
  options->signing.add_to(verb);
  verb.get_option("--key")->required();
  auto* trusted = verb.add_option("--trusted", options->trusted,
                                  "Public key that must have signed the bundles: PEM, minisign, signify")
                      ->type_name("PUB")
                      ->group("Trust");
  verb.add_option("--policy", options->policy, "Rules for the bundles, instead of one key (docs/policy.md)")
      ->excludes(trusted)
      ->type_name("FILE")
      ->group("Trust");
  verb.add_option("--stream", options->stream, "Stream of the new bundle (default: the common one)")->type_name("NAME");
  verb.add_option("--serial", options->serial, "Number in the series (default: seconds since 1970)")->type_name("N");
  options->volumes.add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock merge may.tar june.tar -o both.tar --trusted alice.pub --key alice.key");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
