// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "airlock/base/json.hpp"
#include "airlock/kubeone/catalog.hpp"
#include "cli/configuration.hpp"
#include "cli/naming_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ConfigOptions {
  std::string target;
  bool insecure = false;
  bool plain_http = false;
  std::vector<std::string> sources;
  ConfigurationOptions configuration;
  NamingOptions naming;
};

/// The source registries of KubeOne's images, of all releases.
std::vector<std::string> known_sources() {
  std::set<std::string> hosts{"registry.k8s.io"};
  const auto catalog = kubeone::Catalog::built_in();
  for (const std::string& line : catalog.lines())
    for (const auto& component : catalog.find_release(line)->components)
      for (const auto& ranged : component.images) hosts.insert(ranged.image.registry);
  return {hosts.begin(), hosts.end()};
}

void run(const ConfigOptions& options, const GlobalOptions& global) {
  const auto target = registry::Location::parse(options.target);
  const auto reach = options.plain_http ? registry::Reach::plain_http
                     : options.insecure ? registry::Reach::tls_unverified
                                        : registry::Reach::tls_verified;
  Reporter reporter(global.reporter());
  const kubeone::NameMapping mapping = options.naming.mapping().value_or(kubeone::NameMapping());
  options.configuration.check_naming(mapping, false);
  options.configuration.check(target);
  const auto consumer = options.configuration.consumer("", reporter);
  options.configuration.check_manifests(consumer);
  const kubeone::RegistryConfiguration configuration{kubeone::parse_api_version(options.configuration.api_version),
                                                     target, reach, consumer};
  kubeone::MirrorConfiguration mirror{target, reach, false, options.sources.empty() ? known_sources() : options.sources,
                                      consumer};
  // The warnings do not apply to mirrors.
  auto warnings = naming_warnings(mapping, mirror);
  if (!options.configuration.mirrors && mapping.is_usual()) warnings = configuration.warnings();
  for (const std::string& warning : warnings) reporter.warning(warning);
  options.configuration.write(configuration, mirror, {mapping, false}, nullptr, reporter);
  if (global.json())
    print_json({{"registry", target.str()},
                {"registryConfiguration", configuration.stanza()},
                {"kubeone", consumer.release},
                {"warnings", warnings}});
  else if (options.configuration.emit.empty() &&
           (options.configuration.patch.empty() || options.configuration.mirrors || !mapping.is_usual()))
    print(options.configuration.stanza(configuration, mirror, mapping));
}

}  // namespace

void add_config(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ConfigOptions>();
  verb.add_option("REGISTRY", options->target, "The local registry: HOST[:PORT][/PREFIX]")->required();
  verb.add_flag("--insecure", options->insecure, "The nodes cannot verify its TLS certificate");
  verb.add_flag("--plain-http", options->plain_http, "It speaks plain HTTP")->excludes("--insecure");
  options->configuration.add_to(verb, false);
  verb.add_option("--source", options->sources,
                  "A source registry to mirror (default: all source registries of KubeOne's images)")
      ->allow_extra_args(false)
      ->type_name("HOST")
      ->group("Configuration");
  options->naming.add_to(verb, "Other names inside than the usual ones");
  global.add_to(verb);
  verb.footer("Example:\n  airlock config registry.local:5000/kubernetes --kubeone 1.11");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
