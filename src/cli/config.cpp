// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ConfigOptions {
  std::string target;
  bool insecure = false;
  std::string api_version = "v1beta2";
  std::string emit;
};

void run(const ConfigOptions& options, const Conduct& conduct) {
  check_emit_target(options.emit);
  const kubeone::RegistryConfiguration configuration{
      kubeone::parse_api_version(options.api_version), registry::Location::parse(options.target),
      options.insecure ? registry::Reach::tls_unverified : registry::Reach::tls_verified};
  Reporter reporter(conduct.reporter());
  for (const std::string& warning : configuration.warnings()) reporter.warning(warning);
  if (!options.emit.empty()) replace_file(options.emit, configuration.stanza());
  if (conduct.json())
    print(pretty_json({{"registry", configuration.registry.str()},
                       {"registryConfiguration", configuration.stanza()},
                       {"warnings", configuration.warnings()}}) +
          "\n");
  else if (options.emit.empty())
    print(configuration.stanza());
}

}  // namespace

void add_config(CLI::App& app, Conduct& conduct) {
  auto* verb = app.add_subcommand("config", "Print the KubeOne configuration for a registry, without contacting it");
  const auto options = std::make_shared<ConfigOptions>();
  verb->add_option("REGISTRY", options->target, "The local registry: HOST[:PORT][/PREFIX]")->required();
  verb->add_flag("--insecure", options->insecure, "The nodes cannot verify its TLS certificate");
  verb->add_option("--api-version", options->api_version, "KubeOne API version: v1beta2 or v1beta3")
      ->type_name("VERSION")
      ->capture_default_str();
  verb->add_option("--emit", options->emit, "Write it here instead of to standard output")->type_name("FILE");
  conduct.add_to(*verb);
  verb->footer("Example:\n  airlock config registry.local:5000/kubernetes --api-version v1beta3");
  verb->callback([=, &conduct] { run(*options, conduct); });
}

}  // namespace airlock::cli
