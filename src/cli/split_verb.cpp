// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/merge.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct SplitOptions {
  std::string bundle;
  std::string output;
  VolumeSizeOptions volumes;
};

void run(const SplitOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  flow::split_bundle(options.bundle, options.volumes.places.places(), options.output, options.volumes.volumes(),
                     reporter);
  const auto places = options.volumes.places.places();
  if (global.json()) {
    Json files = Json::array();
    for (const auto& volume : bundle::find_volumes(options.output, {places.directories, nullptr}))
      files.push_back(volume.string());
    print_json({{"bundle", options.output}, {"files", std::move(files)}});
    return;
  }
  print(
      fmt::format("{}: the same bytes, the same signatures\n{}", options.output, volumes_text(options.output, places)));
  reporter.note(fmt::format(
      "Next: carry all of them over, and verify them there by their common name\n  airlock verify {} --key PUB",
      shell_word(options.output)));
}

}  // namespace

void add_split(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<SplitOptions>();
  verb.add_option("BUNDLE", options->bundle, "The bundle")->required();
  verb.add_option("-o", options->output, "Common name of the volumes to write")->required()->type_name("NAME");
  options->volumes.add_to(verb);
  verb.get_option("--volume-size")->required();
  global.add_to(verb);
  verb.footer("Example:\n  airlock split kubernetes.tar --volume-size fat32 -o /media/usb/kubernetes.tar");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
