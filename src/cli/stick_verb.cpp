// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/flow/stick.hpp"
#include "cli/stick_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct StickVerbOptions {
  std::string bundle;
  std::string key;
  StickOptions stick;
  std::string registry;
  VolumePlaceOptions volumes;
};

void run(const StickVerbOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  flow::StickRequest request = options.stick.request(options.bundle, options.volumes.places());
  if (!options.registry.empty()) request.registry = oci::Location::parse(options.registry);
  const auto key = trust::PublicKey::from_text(read_file(options.key, trust::max_key_file), options.key);
  const auto result = flow::lay_stick(request, key);
  if (global.json()) return print_json({{"page", result.page.string()}, {"release", result.release.string()}});
  print(stick_text(result));
  options.stick.note(reporter);
}

}  // namespace

void add_stick(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<StickVerbOptions>();
  verb.add_option("BUNDLE", options->bundle, "A finished bundle on the medium")->required();
  verb.add_option("--key", options->key, "Public key of the bundle's signer")->type_name("PUB")->required();
  options->stick.add_to(verb, "--release");
  verb.add_option("--registry", options->registry, "The local registry, for the page's commands")
      ->type_name("REGISTRY");
  options->volumes.add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock stick /media/usb/kubernetes.tar --key alice.pub --release airlock-0.1.0");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
