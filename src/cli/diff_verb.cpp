// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/read_inventory.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct DiffOptions {
  std::string before;
  std::string after;
  VolumePlaceOptions volumes;
};

Json to_json(const records::Difference& difference) {
  Json changed = Json::array();
  for (const auto& [source, digests] : difference.changed)
    changed.push_back({{"source", source}, {"old", digests.first.str()}, {"new", digests.second.str()}});
  return {{"added", difference.added},          {"removed", difference.removed},
          {"changed", std::move(changed)},      {"same", difference.same},
          {"newBlobs", difference.new_blobs},   {"newBytes", difference.new_bytes},
          {"goneBlobs", difference.gone_blobs}, {"goneBytes", difference.gone_bytes}};
}

std::string to_text(const records::Difference& difference) {
  std::string text;
  for (const auto& source : difference.removed) text += fmt::format("- {}\n", printable(source));
  for (const auto& source : difference.added) text += fmt::format("+ {}\n", printable(source));
  for (const auto& [source, digests] : difference.changed)
    text += fmt::format("~ {}\n    {}\n    {}\n", printable(source), digests.first.str(), digests.second.str());
  return fmt::format("{}{} added, {} removed, {} changed, {} the same\n{}, {}; {} gone, {}\n", text,
                     count_of(difference.added.size(), "image"), difference.removed.size(), difference.changed.size(),
                     difference.same, count_of(difference.new_blobs, "new blob"), human_size(difference.new_bytes),
                     count_of(difference.gone_blobs, "blob"), human_size(difference.gone_bytes));
}

void run(const DiffOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  const auto places = options.volumes.places();
  const auto before = flow::read_inventory(options.before, places);
  const auto after = flow::read_inventory(options.after, places);
  const auto difference = records::compare(before, after);
  reporter.note(fmt::format("NOT VERIFIED: these are the claims of the {} and the {}", to_string(before.kind),
                            to_string(after.kind)));
  print(global.json() ? pretty_json(to_json(difference)) + "\n" : to_text(difference));
}

}  // namespace

void add_diff(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<DiffOptions>();
  verb.add_option("OLD", options->before, "A bundle, lock file or receipt")->required();
  verb.add_option("NEW", options->after, "Another one")->required();
  options->volumes.add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock diff may.tar june.tar");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
