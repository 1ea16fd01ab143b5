// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "airlock/base/json.hpp"
#include "airlock/catalog/catalog.hpp"
#include "cli/configuration.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ConfigOptions {
  std::string target;
  bool insecure = false;
  std::vector<std::string> sources;
  ConfigurationOptions configuration;
};

/// Where KubeOne's images come from, over all releases.
std::vector<std::string> known_sources() {
  std::set<std::string> hosts{"registry.k8s.io"};
  const auto catalog = catalog::Catalog::built_in();
  for (const auto& release : catalog.releases())
    for (const auto& component : release.components)
      for (const auto& ranged : component.images) hosts.insert(ranged.image.registry);
  return {hosts.begin(), hosts.end()};
}

void run(const ConfigOptions& options, const Conduct& conduct) {
  const auto target = registry::Location::parse(options.target);
  options.configuration.check(target);
  const auto reach = options.insecure ? registry::Reach::tls_unverified : registry::Reach::tls_verified;
  const kubeone::RegistryConfiguration configuration{kubeone::parse_api_version(options.configuration.api_version),
                                                     target, reach};
  const kubeone::MirrorConfiguration mirror{target, reach, false,
                                            options.sources.empty() ? known_sources() : options.sources};
  Reporter reporter(conduct.reporter());
  for (const std::string& warning : configuration.warnings()) reporter.warning(warning);
  options.configuration.write(configuration, mirror, reporter);
  if (conduct.json())
    print_json({{"registry", target.str()},
                {"registryConfiguration", configuration.stanza()},
                {"warnings", configuration.warnings()}});
  else if (options.configuration.emit.empty() && options.configuration.patch.empty())
    print(options.configuration.stanza(configuration, mirror));
}

}  // namespace

void add_config(CLI::App& app, Conduct& conduct) {
  auto* verb = app.add_subcommand("config", "Print the KubeOne configuration for a registry, without contacting it");
  const auto options = std::make_shared<ConfigOptions>();
  verb->add_option("REGISTRY", options->target, "The local registry: HOST[:PORT][/PREFIX]")->required();
  verb->add_flag("--insecure", options->insecure, "The nodes cannot verify its TLS certificate");
  options->configuration.add_to(*verb, false);
  verb->add_option("--source", options->sources,
                   "A source registry to mirror (default: all that KubeOne's images come from)")
      ->allow_extra_args(false)
      ->type_name("HOST")
      ->group("Configuration");
  conduct.add_to(*verb);
  verb->footer("Example:\n  airlock config registry.local:5000/kubernetes --api-version v1beta3");
  verb->callback([=, &conduct] { run(*options, conduct); });
}

}  // namespace airlock::cli
