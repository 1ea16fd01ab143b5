// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/flow/stick.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct StickOptions {
  std::string bundle;
  std::string key;
  std::string release;
  std::string registry;
  VolumePlaceOptions volumes;
};

void run(const StickOptions& options, const GlobalOptions& global) {
  const auto result =
      flow::lay_stick({options.bundle, options.volumes.places(), options.release, options.registry},
                      trust::PublicKey::from_text(read_file(options.key, trust::max_key_file), options.key));
  if (global.json())
    print_json({{"page", result.page.string()}, {"release", result.release.string()}});
  else
    print(
        fmt::format("{}: written\n{}", result.page.string(),
                    result.release.empty() ? "" : fmt::format("{}: copied and read back\n", result.release.string())));
}

}  // namespace

void add_stick(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<StickOptions>();
  verb.add_option("BUNDLE", options->bundle, "A finished bundle on the medium")->required();
  verb.add_option("--key", options->key, "Public key of the bundle's signer")->type_name("PUB")->required();
  verb.add_option("--release", options->release, "An unpacked release of airlock, to copy beside the bundle")
      ->type_name("DIRECTORY");
  verb.add_option("--registry", options->registry, "The local registry, for the page's commands")
      ->type_name("REGISTRY");
  options->volumes.add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock stick /media/usb/kubernetes.tar --key alice.pub --release airlock-0.1.0");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
