// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
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
  print(global.json() ? pretty_json({{"bundle", options.output}}) + "\n"
                      : options.output + ": the same bytes, the same signatures\n");
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
