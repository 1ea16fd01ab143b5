// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/prune.hpp"
#include "cli/naming_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct PruneOptions {
  TargetOptions target;
  std::vector<std::filesystem::path> made;
  std::vector<std::filesystem::path> keep;
  std::string key;
  NamingOptions naming;
  bool discard = false;
};

Json to_json(const flow::PruneResult& result, bool discarded) {
  Json names = Json::array();
  for (const flow::PrunedName& name : result.names)
    names.push_back({{"name", name.name}, {"digest", name.digest.str()}});
  return {{"deleted", discarded}, {"names", std::move(names)},     {"stay", result.stay},
          {"kept", result.kept},  {"manifests", result.manifests}, {"gone", result.gone}};
}

void tell(const flow::PruneResult& result, const PruneOptions& options, Reporter& reporter) {
  std::string text;
  for (const flow::PrunedName& name : result.names) text += fmt::format("{}  {}\n", name.name, name.digest.str());
  print(text);
  for (const std::string& line : result.stay) reporter.warning(line);
  const std::string others = fmt::format(
      "; {} needed{}", count_of(result.kept, "other is", "others are"),
      result.gone == 0 ? "" : fmt::format(", {} not there any more", count_of(result.gone, "one is", "are")));
  if (!options.discard) {
    reporter.note(fmt::format("{} would be deleted{}. Nothing was: --delete does it",
                              count_of(result.names.size(), "name"), others));
    return;
  }
  reporter.note(fmt::format("{} deleted, {} with them{}", count_of(result.names.size(), "name"),
                            count_of(result.manifests, "manifest"), others));
  reporter.note(
      "Next: the registry frees the space when it collects garbage\n"
      "  distribution     registry garbage-collect /etc/distribution/config.yml (while nobody pushes)\n"
      "  docker-registry  docker-registry garbage-collect /etc/docker/registry/config.yml (while nobody pushes)\n"
      "  zot              by itself (storage.gc)\n"
      "  Harbor           Administration, Clean Up, Garbage Collection");
}

void run(const PruneOptions& options, const GlobalOptions& global) {
  if (options.keep.empty())
    throw Error(ErrorCode::usage, "--keep is missing: without it, all that airlock made would go")
        .hint("name the receipts or bundles of what clusters use: --keep RECEIPT");
  Reporter reporter(global.reporter());
  flow::PruneRequest request{.target = options.target.location(), .client = options.target.client()};
  request.made = options.made;
  request.keep = options.keep;
  request.naming.mapping = options.naming.mapping();
  request.discard = options.discard;
  if (!options.key.empty()) request.key = trust::PublicKey::from_text(read_file(options.key, 64U << 10), options.key);
  const auto result = flow::prune(request, reporter);
  if (global.json()) return print_json(to_json(result, options.discard));
  tell(result, options, reporter);
}

}  // namespace

void add_prune(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<PruneOptions>();
  options->target.add_to(verb);
  verb.add_option("--made", options->made, "Receipt of an earlier import: only names in these are ever deleted")
      ->required()
      ->allow_extra_args(false)
      ->type_name("RECEIPT");
  verb.add_option("--keep", options->keep, "Receipt or bundle whose names stay")
      ->allow_extra_args(false)
      ->type_name("FILE");
  verb.add_option("--key", options->key, "Public key that signed the receipts of --made (RECEIPT.sig)")
      ->type_name("PUB");
  options->naming.add_to(verb, "The rules that the bundles to keep were imported with");
  verb.add_flag("--delete", options->discard, "Delete; without it, only say what would be");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock prune registry.local:5000/kubernetes --made may.receipt --keep june.receipt --cacert "
      "ca.pem");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
