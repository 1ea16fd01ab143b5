// SPDX-License-Identifier: Apache-2.0
#include "cli/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/chart_addresses.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/manifest_patch.hpp"

namespace airlock::cli {

namespace {

constexpr std::size_t max_manifest = 4U << 20;

/// A link stays a link, and the file that it leads to is replaced where it is, with its mode and owner.
void write_manifest(const std::filesystem::path& path, const std::string& text) {
  replace_file(std::filesystem::canonical(path), text);
}

/// `registry`: whether registryConfiguration is written at all.
kubeone::PatchValues values_of(const kubeone::RegistryConfiguration& configuration, bool registry) {
  return {registry ? configuration.registry.str() : "", configuration.insecure(), {}};
}

bool has_charts(const std::filesystem::path& manifest) {
  const auto releases = kubeone::read_cluster(manifest).helm_releases;
  return std::any_of(releases.begin(), releases.end(), [](const kubeone::HelmRelease& release) {
    return !release.repo_url.empty() || !release.chart_url.empty();
  });
}

}  // namespace

void ConfigurationOptions::add_to(CLI::App& verb, bool with_bundle) {
  const std::string group = "Configuration";
  verb.add_option("--emit", emit, "Write the configuration here instead of to standard output")
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--kubeone", kubeone,
                  with_bundle ? "KubeOne release to write it for, e.g. 1.13 (default: the bundle's)"
                              : "KubeOne release to write it for, e.g. 1.13 (default: the manifest's, else the newest)")
      ->type_name("RELEASE")
      ->group(group);
  verb.add_option("--api-version", api_version, "API version named in the comment above the stanza")
      ->type_name("VERSION")
      ->group(group)
      ->capture_default_str();
  verb.add_option("--patch", patch,
                  "Write registryConfiguration into this KubeOneCluster manifest, and change nothing else")
      ->allow_extra_args(false)
      ->type_name("MANIFEST")
      ->group(group);
  if (with_bundle)
    verb.add_flag("--any-version", any_version, "Also patch a manifest whose Kubernetes version is not in the bundle")
        ->group(group);
  verb.add_flag("--mirrors", mirrors, "Configure containerd mirrors instead, one for each source registry")
      ->group(group);
  verb.add_option("--hosts-toml", hosts_toml, "Write containerd's SOURCE/hosts.toml files into this new directory")
      ->type_name("DIRECTORY")
      ->group(group);
  verb.add_option("--registries-conf", registries_conf, "Write mirrors for CRI-O and Podman to this new file")
      ->type_name("FILE")
      ->group(group);
}

kubeone::Consumer ConfigurationOptions::consumer(const std::string& bundle_release, Reporter& reporter) const {
  const auto catalog = kubeone::Catalog::built_in();
  std::string name = kubeone.empty() ? bundle_release : kubeone;
  std::vector<std::string> versions;
  std::set<std::string> api_versions;
  if (name.empty())
    for (const auto& manifest : patch) {
      const auto cluster = kubeone::read_cluster(manifest);
      versions.push_back(cluster.kubernetes_version);
      api_versions.insert(cluster.api_version);
    }
  // The bundle may name a release that this airlock does not know; the newest known one is the best guess.
  if (!kubeone.empty() || catalog.find_release(name) != nullptr)
    return kubeone::consumer_of(catalog, kubeone::choose_release(catalog, name, {}));
  const auto& release = kubeone::choose_release(catalog, "", versions, api_versions);
  reporter.note(fmt::format(
      "the configuration is for KubeOne {}, {}; other releases interpret it differently: name yours with --kubeone",
      release.version,
      versions.empty() ? "the newest known release"
                       : "the newest release that supports the manifest's Kubernetes version"));
  return kubeone::consumer_of(catalog, release);
}

void ConfigurationOptions::check_manifests(const kubeone::Consumer& consumer) const {
  if (consumer.registries_together) return;
  for (const auto& manifest : patch)
    if (const std::string found = kubeone::containerd_registries(read_file(manifest, max_manifest), manifest.string());
        !found.empty())
      throw Error(
          ErrorCode::selection,
          fmt::format("{}: KubeOne {} refuses containerRuntime.containerd.registries beside registryConfiguration",
                      found, consumer.release))
          .hint(
              "use one of the two: remove these registries from the manifest, or leave --patch out and use --mirrors; "
              "KubeOne 1.13 and later accept both (--kubeone)");
}

void ConfigurationOptions::check(const registry::Location& target) const {
  check_emit_target(emit);
  for (const auto& manifest : patch) {
    kubeone::patch_manifest(read_file(manifest, max_manifest), {mirrors ? "" : target.str(), false, {}},
                            manifest.string());
    check_replaceable(std::filesystem::canonical(manifest));
  }
  for (const std::string& path : {hosts_toml, registries_conf})
    if (!path.empty()) check_new(path);
}

void ConfigurationOptions::check_versions(const std::vector<std::string>& versions) const {
  for (const auto& manifest : patch) {
    const auto cluster = kubeone::read_cluster(manifest);
    const auto wanted = kubeone::Version::parse(cluster.kubernetes_version);
    bool found = false;
    for (const std::string& version : versions) found = found || (wanted && kubeone::Version::parse(version) == wanted);
    if (found || any_version) continue;
    throw Error(
        ErrorCode::selection,
        fmt::format(
            "{}: its Kubernetes version {} is not in the bundle, which has {}", manifest.string(),
            cluster.kubernetes_version,
            versions.empty() ? "none" : versions.front() + (versions.size() > 1 ? " to " + versions.back() : "")))
        .hint("import a bundle for that version first, change the manifest's version, or patch with --any-version");
  }
}

void ConfigurationOptions::check_naming(const kubeone::NameMapping& mapping, bool with_bundle) const {
  if (mapping.is_usual() || patch.empty()) return;
  if (with_bundle && std::all_of(patch.begin(), patch.end(), has_charts)) return;  // their addresses are written
  throw Error(ErrorCode::usage,
              fmt::format("--patch writes overwriteRegistry, which cannot express the mapping of names ({}): KubeOne "
                          "drops the source's host and keeps the rest",
                          join(mapping.rules(), ", ")))
      .hint("leave --patch out, and put the mirrors that airlock prints into the manifest; or use the usual names");
}

std::vector<std::string> naming_warnings(const kubeone::NameMapping& mapping, kubeone::MirrorConfiguration& mirror) {
  if (mapping.is_usual()) return {};
  const auto lost = mirror.apply(mapping);
  std::vector<std::string> warnings{fmt::format(
      "overwriteRegistry cannot express the mapping of names ({}): KubeOne drops the source's host and keeps "
      "the rest. {}",
      join(mapping.rules(), ", "),
      mirror.sources.empty() ? "Mirrors cannot either"
                             : "Use mirrors, as printed; --hosts-toml and --registries-conf write them")};
  if (!lost.empty())
    warnings.push_back(fmt::format(
        "no mirror leads to the images of {}, whose own paths change: {}write their names inside into the manifests "
        "(import --output json lists them under `published`)",
        join(lost, ", "), mirror.by_prefix.empty() ? "" : "use CRI-O or Podman with --registries-conf, or "));
  return warnings;
}

void ConfigurationOptions::check_charts(const kubeone::RegistryConfiguration& configuration,
                                        const bundle::Metadata& bundle, const flow::Naming& naming) const {
  for (const auto& manifest : patch) {
    const std::string text = read_file(manifest, max_manifest);
    kubeone::PatchValues values = values_of(configuration, !mirrors && naming.mapping.is_usual());
    values.charts = flow::chart_addresses(kubeone::parse_cluster(text, manifest), bundle, configuration, naming).charts;
    static_cast<void>(kubeone::patch_manifest(text, values, manifest.string()));
  }
}

std::string ConfigurationOptions::stanza(const kubeone::RegistryConfiguration& configuration,
                                         const kubeone::MirrorConfiguration& mirror,
                                         const kubeone::NameMapping& mapping) const {
  return mirrors || !mapping.is_usual() ? mirror.stanza(configuration.api_version) : configuration.stanza();
}

void ConfigurationOptions::write(const kubeone::RegistryConfiguration& configuration,
                                 const kubeone::MirrorConfiguration& mirror, const flow::Naming& naming,
                                 const bundle::Metadata* bundle, Reporter& reporter) const {
  const auto say = [&](const std::string& path) { reporter.note("wrote " + path); };
  if (!emit.empty()) {
    replace_file(emit, stanza(configuration, mirror, naming.mapping));
    say(emit);
  }
  for (const auto& manifest : patch) {
    const std::string text = read_file(manifest, max_manifest);
    const bool registry = !mirrors && naming.mapping.is_usual();
    kubeone::PatchValues values = values_of(configuration, registry);
    if (bundle != nullptr) {
      auto found = flow::chart_addresses(kubeone::parse_cluster(text, manifest), *bundle, configuration, naming);
      for (const std::string& warning : found.warnings) reporter.warning(warning);
      values.charts = std::move(found.charts);
    }
    const std::string patched = kubeone::patch_manifest(text, values, manifest.string());
    if (patched == text) {
      reporter.note(manifest.string() + ": nothing in it has to change");
    } else {
      write_manifest(manifest, patched);
      say(manifest.string());
    }
    if (!registry)
      reporter.note(manifest.string() + ": its registryConfiguration is left as it is: mirrors lead to these names");
  }
  if (!registries_conf.empty()) {
    write_new_file(registries_conf, mirror.registries_conf());
    say(registries_conf);
  }
  if (hosts_toml.empty()) return;
  for (const auto& [source, text] : mirror.hosts_toml()) {
    const auto directory = std::filesystem::path(hosts_toml) / source;
    std::filesystem::create_directories(directory);
    write_new_file(directory / "hosts.toml", text);
  }
  say(hosts_toml + "/SOURCE/hosts.toml");
}

}  // namespace airlock::cli
