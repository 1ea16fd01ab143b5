// SPDX-License-Identifier: Apache-2.0
#include "cli/source_options.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/collect_charts.hpp"
#include "airlock/flow/pack_files.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/records/lock.hpp"
#include "airlock/records/own_content.hpp"

namespace airlock::cli {

namespace {

constexpr std::size_t max_lock_file = 64U << 20;
const std::map<std::string, transfer::Pinned> pinned_words{
    {"whole", transfer::Pinned::whole}, {"filter", transfer::Pinned::filter}, {"refuse", transfer::Pinned::refuse}};

/// HOST=[http://]HOST:PORT[/PREFIX]
std::pair<std::string, registry::Mirror> parse_mirror(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || !oci::Registry::find(text.substr(0, equals)))
    throw Error(ErrorCode::usage, fmt::format("--mirror {} is not HOST=[http://]HOST:PORT", text))
        .hint("for example --mirror docker.io=mirror.example:5000");
  std::string target = text.substr(equals + 1);
  const bool plain_http = target.starts_with("http://");
  for (const std::string scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) target.erase(0, scheme.size());
  return {text.substr(0, equals), {plain_http, registry::Location::parse(target)}};
}

/// The hosts that will be contacted, after --mirror.
std::set<std::string> hosts_of(const kubeone::ImageSet& set, const registry::ClientOptions& client) {
  std::set<std::string> hosts;
  for (const auto& [image, reason] : set.images) {
    if (records::is_made_here(image)) continue;
    const auto mirror = client.mirrors.find(image.registry);
    hosts.insert(mirror == client.mirrors.end() ? image.registry.str() : mirror->second.location.host.str());
  }
  return hosts;
}

/// But for the login, which is for one host of the set.
registry::ClientOptions web_options(const SourceOptions& options) {
  registry::ClientOptions client;
  client.side = Side::source;
  client.user_agent = user_agent();
  client.credentials = registry::CredentialStore::from_environment();
  for (const std::string& text : options.mirrors) {
    const auto [host, mirror] = parse_mirror(text);
    if (!client.mirrors.emplace(host, mirror).second)
      throw Error(ErrorCode::usage, fmt::format("--mirror names {} twice", host)).hint("name each source once");
  }
  for (const std::string& host : options.insecure) {
    if (!oci::Registry::find(host))
      throw Error(ErrorCode::usage, fmt::format("--insecure {} is not HOST or HOST:PORT", host))
          .hint("write it as in the image references, e.g. registry.example:5000");
    client.insecure_hosts.insert(host);
  }
  options.tls.apply(client);
  options.patience.apply(client);
  return client;
}

registry::ClientOptions client_options(const SourceOptions& options, const kubeone::ImageSet& set) {
  registry::ClientOptions client = web_options(options);
  if (const auto credentials = options.login.read()) {
    const auto hosts = hosts_of(set, client);
    if (hosts.size() != 1)
      throw Error(ErrorCode::usage, "--username is for one registry, but the images come from " +
                                        join({hosts.begin(), hosts.end()}, ", "))
          .hint("give credentials per registry in `auths` of a config.json (DOCKER_CONFIG, REGISTRY_AUTH_FILE)");
    client.credentials.set(*hosts.begin(), *credentials);
  }
  return client;
}

/// Warns of options that have no effect, such as one with a mistyped host.
void warn_of_unused(const SourceOptions& options, const flow::ExportRequest& request, Reporter& reporter) {
  std::set<std::string> sources;
  for (const auto& [image, reason] : request.set.images) sources.insert(image.registry);
  for (const auto& [host, mirror] : request.client.mirrors)
    if (!sources.contains(host))
      reporter.warning(fmt::format("--mirror {}=...: no image of the set comes from {}", host, host));
  const auto asked = hosts_of(request.set, request.client);
  for (const std::string& host : options.insecure)
    if (!asked.contains(host))
      reporter.warning(fmt::format("--insecure {} has no effect; the registries are {}", host,
                                   join({asked.begin(), asked.end()}, ", ")));
}

/// An option with a word for each value.
template <typename Value, typename Take>
void add_choice(CLI::App& verb, const std::string& name, const std::string& help,
                const std::map<std::string, Value>& values, Take&& take) {
  std::vector<std::string> words;
  for (const auto& [word, value] : values) words.push_back(word);
  verb.add_option_function<std::string>(
          name,
          [=](const std::string& word) {
            const auto chosen = values.find(word);
            if (chosen == values.end())
              throw Error(ErrorCode::usage, fmt::format("{} {} is not one of {}", name, word, join(words, ", ")))
                  .hint("choose one of them");
            take(chosen->second);
          },
          help)
      ->type_name(join(words, "|"));
}

}  // namespace

void SourceOptions::add_to(CLI::App& verb) {
  verb.add_option("-f,--set", set_file, "A declared set (airlock.yaml): what options do not say, it says")
      ->type_name("FILE")
      ->group("Selection");
  selection.add_to(verb);
  verb.add_option("--platform", platforms, "Platforms, e.g. linux/amd64, or all")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("OS/ARCH")
      ->capture_default_str();
  add_request_jobs(verb, jobs);
  verb.add_flag("--no-referrers", no_referrers, "Leave out signatures, attestations and SBOMs of the images");
  verb.add_flag("--allow-missing-referrers", allow_missing_referrers,
                "Warn, instead of failing, where a registry cannot be asked for signatures, attestations and SBOMs");
  verb.add_option("--file", files, "Carry a file: NAME=PATH, or NAME=URL@sha256:DIGEST; airlock extract writes it")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group("Selection");
  naming.add_to(verb, "Other names inside than the usual ones");
  verb.add_option("--allow-missing", allow_missing,
                  "Go on without this image, or without all, where upstream does not have it; exit status 9")
      ->allow_extra_args(false)
      ->type_name("REF|all");
  add_choice(verb, "--pinned",
             "Images that are asked for by digest, if they have other platforms too: take the whole index, only the "
             "platforms of --platform, or fail (default: whole; with --for-registry sparse: filter)",
             pinned_words, [this](transfer::Pinned chosen) { pinned = chosen; });
  add_choice(verb, "--for-registry",
             "Whether the registry inside refuses indexes that lack platforms (strict, the default) or takes them "
             "(sparse)",
             std::map<std::string, flow::TargetKind>{{"strict", flow::TargetKind::strict},
                                                     {"sparse", flow::TargetKind::sparse}},
             [this](flow::TargetKind chosen) { target = chosen; });
  verb.add_option("--mirror", mirrors, "Use another registry instead: HOST=[http://]HOST:PORT[/PREFIX]")
      ->allow_extra_args(false)
      ->type_name("MIRROR")
      ->group("Registry");
  verb.add_option("--insecure", insecure, "Host that may be reached with unverified TLS or plain HTTP")
      ->allow_extra_args(false)
      ->type_name("HOST")
      ->group("Registry");
  login.add_to(verb);
  tls.add_to(verb);
  patience.add_to(verb);
}

namespace {

/// What a lock file has that no registry does has to be given again.
void check_locked_files(const flow::ExportRequest& request) {
  for (const auto& [image, reason] : request.set.images)
    if (reason.components.contains(flow::archive_chart_component) && request.made.find(image) == nullptr)
      throw Error(ErrorCode::usage,
                  fmt::format("the lock file has the chart {}, and nothing says where to fetch it", image.str()))
          .hint("name the same charts as for airlock resolve: --chart, or --charts-file with the cluster's manifest");
  for (const auto& [image, reason] : request.set.images)
    if (records::is_made_here(image) && request.made.find(image) == nullptr)
      throw Error(ErrorCode::usage, fmt::format("the lock file has {}, {}, and no --file gives it", image.str(),
                                                join({reason.components.begin(), reason.components.end()}, ", ")))
          .hint("name the same files as for airlock resolve: --file NAME=PATH");
}

}  // namespace

std::optional<flow::DeclaredSet> SourceOptions::declared() const {
  if (set_file.empty()) return std::nullopt;
  return flow::DeclaredSet::load(set_file);
}

SourceOptions SourceOptions::with(const flow::DeclaredSet& set, Reporter& reporter) const {
  SourceOptions all = *this;
  std::vector<std::string> overridden;
  const auto lay = [&](const char* option, auto& given, const auto& said) {
    if (said.empty()) return;
    if (given.empty())
      given = said;
    else
      overridden.emplace_back(option);
  };
  SelectionOptions& chosen = all.selection;
  lay("--kubeone", chosen.kubeone, set.kubeone);
  lay("--cluster", chosen.clusters, set.clusters);
  lay("--kubernetes-versions", chosen.kubernetes_versions, set.kubernetes_versions);
  lay("--filter", chosen.filters, set.filters);
  lay("--addon", chosen.addons, set.addons);
  lay("--cloud-provider", chosen.cloud_provider, set.cloud_provider);
  lay("--image", chosen.images, set.images);
  lay("--images-file", chosen.image_files, set.image_files);
  lay("--from-manifests", chosen.manifests, set.manifests);
  lay("--exclude", chosen.exclude, set.exclude);
  if (chosen.charts.empty() && chosen.chart_files.empty())
    chosen.declared_charts = set.charts;
  else if (!set.charts.empty())
    overridden.emplace_back("--chart");
  chosen.take_suspects = chosen.take_suspects || set.take_suspects;
  chosen.in_config_maps = chosen.in_config_maps || set.in_config_maps;
  chosen.no_charts = chosen.no_charts || set.no_charts;
  lay("--file", all.files, set.files);
  if (all.naming.files.empty())
    lay("--map", all.naming.rules, set.map);
  else if (!set.map.empty())
    overridden.emplace_back("--map-file");
  lay("--allow-missing", all.allow_missing, set.allow_missing);
  if (!set.platforms.empty() && platforms == SourceOptions().platforms)
    all.platforms = set.platforms;
  else if (!set.platforms.empty() && platforms != set.platforms)
    overridden.emplace_back("--platform");
  if (!set.pinned.empty() && !pinned)
    all.pinned = pinned_words.at(set.pinned);
  else if (!set.pinned.empty())
    overridden.emplace_back("--pinned");
  if (set.for_registry == "sparse") all.target = flow::TargetKind::sparse;
  if (set.referrers == false) all.no_referrers = true;
  all.set_file.clear();
  if (!overridden.empty())
    reporter.note(fmt::format("{}: overridden on the command line: {}", set_file, join(overridden, ", ")));
  return all;
}

std::vector<kubeone::ExtraImage> SourceOptions::pack(transfer::MadeContent& made, Reporter& reporter) const {
  std::vector<flow::FileToPack> to_pack;
  for (const std::string& text : files) to_pack.push_back(flow::FileToPack::parse(text));
  if (to_pack.empty()) return {};
  return flow::pack_files(to_pack, web_options(*this), flow::cache_directory(), made, reporter);
}

std::vector<kubeone::ExtraImage> SourceOptions::collect(transfer::MadeContent& made, bool locked,
                                                        Reporter& reporter) const {
  flow::ChartsRequest charts;
  charts.releases = selection.releases(!locked);
  if (charts.releases.empty()) return {};
  charts.client = web_options(*this);
  charts.suspects = selection.take_suspects ? flow::Suspects::take : flow::Suspects::list;
  charts.kubernetes_versions = {selection.kubernetes_versions.begin(), selection.kubernetes_versions.end()};
  return flow::collect_charts(charts, made, reporter);
}

flow::ExportRequest SourceOptions::request(Reporter& reporter, const std::string& lock_file) const {
  if (const auto set = declared()) return with(*set, reporter).request(reporter, lock_file);
  flow::ExportRequest request;
  auto extras = pack(request.made, reporter);
  for (auto& extra : collect(request.made, !lock_file.empty(), reporter)) extras.push_back(std::move(extra));
  if (!lock_file.empty() && (selection.any() || pinned || platforms != SourceOptions().platforms))
    throw Error(ErrorCode::usage, "--lock selects the images and platforms; no other option may")
        .hint("omit --filter, --kubernetes-versions, --image, --platform, --pinned and the like, or the lock file");
  if (lock_file.empty()) {
    auto catalog = selection.catalog();
    SelectionOptions asked = selection;
    asked.ca_file = tls.ca_file;
    request.set = asked.select(catalog, reporter, extras);
    if (!selection.any() && extras.empty())
      reporter.note(fmt::format("no selection was given: everything of {}, {} (airlock list --sizes says how large)",
                                describe_versions(request.set.kubeone, request.set.kubernetes_versions),
                                count_of(request.set.images.size(), "image")));
    request.catalog_digest = catalog.digest().str();
    request.platforms = oci::PlatformSelection::parse(platforms);
  } else {
    request.lock = records::Lock::parse(read_file(lock_file, max_lock_file), lock_file);
    request.set = request.lock->image_set();
    request.catalog_digest = request.lock->selection.catalog_digest;
    request.platforms = oci::PlatformSelection::parse(request.lock->selection.platforms);
    check_locked_files(request);
  }
  request.mapping = naming.mapping().value_or(kubeone::NameMapping());
  request.client = client_options(*this, request.set);
  request.jobs = jobs;
  request.referrers = !no_referrers;
  request.allow_missing_referrers = allow_missing_referrers;
  for (const std::string& word : allow_missing)
    if (word == "all")
      request.missing.all = true;
    else
      request.missing.images.insert(oci::Reference::parse(word));
  request.pinned = pinned;
  request.target = target;
  warn_of_unused(*this, request, reporter);
  return request;
}

}  // namespace airlock::cli
