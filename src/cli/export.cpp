// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/export.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ExportOptions {
  SelectionOptions selection;
  SigningOptions signing;
  LoginOptions login;
  TlsOptions tls;
  PatienceOptions patience;
  VolumeSizeOptions volumes;
  std::string output;
  std::vector<std::string> platforms{"linux/amd64", "linux/arm64"};  // KubeOne's
  std::vector<std::string> mirrors;
  std::vector<std::string> insecure;
  std::string stream = "default";
  std::optional<std::uint64_t> serial;
  std::string expires;
  unsigned jobs = 0;
  bool no_referrers = false;
  bool read_back = false;
  bool dry_run = false;
};

/// HOST=[http://]HOST:PORT[/PREFIX]
std::pair<std::string, registry::Mirror> parse_mirror(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || !oci::is_registry(text.substr(0, equals)))
    throw Error(ErrorCode::usage, "--mirror " + text + " is not HOST=[http://]HOST:PORT")
        .hint("for example --mirror docker.io=mirror.example:5000");
  std::string target = text.substr(equals + 1);
  registry::Mirror mirror;
  mirror.plain_http = target.starts_with("http://");
  for (const std::string scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) target.erase(0, scheme.size());
  mirror.location = registry::Location::parse(target);
  return {text.substr(0, equals), mirror};
}

/// The hosts that will really be asked.
std::set<std::string> hosts_of(const catalog::ImageSet& set, const registry::ClientOptions& client) {
  std::set<std::string> hosts;
  for (const auto& [image, reason] : set.images) {
    const auto mirror = client.mirrors.find(image.registry);
    hosts.insert(mirror == client.mirrors.end() ? image.registry : mirror->second.location.host);
  }
  return hosts;
}

registry::ClientOptions client_options(const ExportOptions& options, const catalog::ImageSet& set) {
  registry::ClientOptions client;
  client.side = Side::source;
  client.user_agent = user_agent();
  client.credentials = registry::CredentialStore::from_environment();
  for (const std::string& text : options.mirrors) {
    const auto [host, mirror] = parse_mirror(text);
    if (!client.mirrors.emplace(host, mirror).second)
      throw Error(ErrorCode::usage, "--mirror names " + host + " twice").hint("name each source once");
  }
  for (const std::string& host : options.insecure) {
    if (!oci::is_registry(host))
      throw Error(ErrorCode::usage, "--insecure " + host + " is not HOST or HOST:PORT")
          .hint("write it as the images have it, e.g. registry.example:5000");
    client.insecure_hosts.insert(host);
  }
  options.tls.apply(client);
  options.patience.apply(client);
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

/// A mistyped host would otherwise be found out from what happens without it.
void warn_of_unused(const ExportOptions& options, const flow::ExportRequest& request, Reporter& reporter) {
  std::set<std::string> sources;
  for (const auto& [image, reason] : request.set.images) sources.insert(image.registry);
  for (const auto& [host, mirror] : request.client.mirrors)
    if (!sources.contains(host)) reporter.warning("--mirror " + host + "=...: no image of the set comes from " + host);
  const auto asked = hosts_of(request.set, request.client);
  for (const std::string& host : options.insecure)
    if (!asked.contains(host))
      reporter.warning("--insecure " + host + ": not asked; the registries are " +
                       join({asked.begin(), asked.end()}, ", "));
}

flow::ExportRequest make_request(const ExportOptions& options, Reporter& reporter) {
  auto catalog = options.selection.catalog();
  SelectionOptions selection = options.selection;
  selection.ca_file = options.tls.ca_file;
  flow::ExportRequest request;
  request.set = selection.select(catalog, reporter);
  request.catalog_digest = catalog.digest().str();
  request.platforms = oci::PlatformSelection::parse(options.platforms);
  request.client = client_options(options, request.set);
  request.jobs = options.jobs;
  request.referrers = !options.no_referrers;
  request.stream = options.stream;
  request.serial = options.serial;
  request.output = options.output;
  request.volumes = options.volumes.volumes();
  request.hash_jobs = processors();
  request.read_back = options.read_back;
  if (!options.expires.empty()) {
    request.expires = parse_time(options.expires);
    if (!request.expires)
      throw Error(ErrorCode::usage, "--expires " + options.expires + " is not a time")
          .hint("write 2026-12-31 or 2026-12-31T18:00:00Z (UTC)");
  }
  return request;
}

std::size_t referrers_of(const bundle::Metadata& metadata) {
  std::set<oci::Digest> referrers;
  for (const auto& image : metadata.images)
    for (const auto& referrer : image.referrers) referrers.insert(referrer.digest);
  return referrers.size();
}

Json to_json(const flow::ExportResult& result) {
  Json images = Json::array();
  for (const auto& image : result.metadata.images)
    images.push_back({{"source", image.source.str()}, {"digest", image.descriptor.digest.str()}});
  return {{"images", std::move(images)},
          {"blobs", result.metadata.blobs.size()},
          {"blobBytes", result.blob_bytes},
          {"sharedBytes", result.shared_bytes},
          {"archiveSize", result.archive_size},
          {"stream", result.metadata.stream},
          {"serial", result.metadata.serial},
          {"sumsDigest", result.sums_digest.str()},
          {"referrers", referrers_of(result.metadata)},
          {"requests", result.statistics.requests},
          {"retries", result.statistics.retries},
          {"seconds", static_cast<std::uint64_t>(result.duration.count() / 1000)}};
}

std::string summary(const flow::ExportResult& result) {
  const std::size_t referrers = referrers_of(result.metadata);
  const std::string attached =
      referrers == 0
          ? ""
          : "  attached   " +
                count_of(referrers, "signature, attestation or SBOM", "signatures, attestations and SBOMs") + "\n";
  std::string transfer = "  transfer   " + describe(result.statistics);
  if (result.duration.count() > 0)
    transfer +=
        ", " + human_size(result.blob_bytes * 1000 / static_cast<std::uint64_t>(result.duration.count())) + "/s in all";
  return "  content    " + count_of(result.metadata.images.size(), "image") + ", " +
         count_of(result.metadata.blobs.size(), "blob") + ", " + human_size(result.blob_bytes) + " (sharing saves " +
         human_size(result.shared_bytes) + ")\n  selection  " + describe(result.metadata.selection) +
         "\n  stream     " + result.metadata.stream + ", serial " + std::to_string(result.metadata.serial) + "\n" +
         attached + transfer + "\n  SHA256SUMS " + result.sums_digest.str() + "\n";
}

/// Quoted where a shell would take it apart.
std::string shell_word(const std::string& text) {
  return text.find_first_of(" '\"\\$&;()<>|*?`") == std::string::npos ? text : "'" + text + "'";
}

/// The public key that keygen wrote beside a private one, where it still is.
std::string public_key_beside(const std::string& private_key) {
  const auto path = std::filesystem::path(private_key).replace_extension(".pub");
  return std::filesystem::exists(path) ? shell_word(path.string()) : "PUBLIC-KEY";
}

void run(const ExportOptions& options, const Conduct& conduct) {
  Reporter reporter(conduct.reporter());
  if (options.dry_run) {
    const auto planned = make_request(options, reporter);
    warn_of_unused(options, planned, reporter);
    const auto result = flow::plan_export(planned, reporter);
    print(conduct.json() ? pretty_json(to_json(result)) + "\n"
                         : "Would write " + human_size(result.archive_size) + ":\n" + summary(result));
    return;
  }
  if (options.output.empty())
    throw Error(ErrorCode::usage, "where to? -o BUNDLE is missing")
        .hint("name a file on the medium, e.g. -o /media/usb/kubernetes.tar; or --dry-run");
  if (options.signing.key.empty())
    throw Error(ErrorCode::usage, "--key is missing: a bundle is always signed")
        .hint("make a key pair with: airlock keygen NAME");
  const auto key = options.signing.load();
  auto request = make_request(options, reporter);
  warn_of_unused(options, request, reporter);
  request.signature_name = options.signing.signature_name();
  const auto result = flow::export_bundle(request, key, reporter);
  if (conduct.json()) {
    Json json = to_json(result);
    json["bundle"] = options.output;
    json["signer"] = key.public_key().fingerprint();
    print(pretty_json(json) + "\n");
    return;
  }
  print(options.output + ": written and signed, " + human_size(result.archive_size) + " in " +
        human_duration(result.duration) + "\n" + summary(result) + "  signed by  " + request.signature_name + ", " +
        key.public_key().fingerprint() + "\n");
  reporter.note("Next: carry it over and check it there with\n  airlock verify " + shell_word(options.output) +
                " --key " + public_key_beside(options.signing.key));
}

}  // namespace

void add_export(CLI::App& app, Conduct& conduct) {
  auto* verb = app.add_subcommand("export", "Pull images into one signed bundle");
  const auto options = std::make_shared<ExportOptions>();
  options->selection.add_to(*verb);
  verb->add_option("-o", options->output, "The bundle to write; must not exist")->type_name("BUNDLE");
  options->volumes.add_to(*verb);
  verb->add_option("--platform", options->platforms, "Platforms, e.g. linux/amd64, or all")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("OS/ARCH")
      ->capture_default_str();
  verb->add_option("--stream", options->stream, "Name of the series that this bundle belongs to")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--serial", options->serial, "Number in the series (default: seconds since 1970)")->type_name("N");
  verb->add_option("--expires", options->expires, "Time after which it should not be imported")->type_name("TIME");
  add_request_jobs(*verb, options->jobs);
  verb->add_flag("--no-referrers", options->no_referrers,
                 "Leave signatures, attestations and SBOMs of the images behind");
  verb->add_flag("--read-back", options->read_back,
                 "Verify the finished bundle, reading it from the medium and not from memory");
  verb->add_flag("--dry-run", options->dry_run, "Stop before anything is downloaded or written; needs no key");
  options->signing.add_to(*verb);
  verb->add_option("--mirror", options->mirrors, "Ask another registry instead: HOST=[http://]HOST:PORT[/PREFIX]")
      ->allow_extra_args(false)
      ->type_name("MIRROR")
      ->group("Registry");
  verb->add_option("--insecure", options->insecure, "Host that may be reached with unverified TLS or plain HTTP")
      ->allow_extra_args(false)
      ->type_name("HOST")
      ->group("Registry");
  options->login.add_to(*verb);
  options->tls.add_to(*verb);
  options->patience.add_to(*verb);
  conduct.add_to(*verb);
  verb->footer(
      "Example:\n  airlock export --filter base --kubernetes-versions v1.29.4,v1.28.8 --key alice.key -o "
      "/media/usb/kubernetes.tar");
  verb->callback([=, &conduct] { run(*options, conduct); });
}

}  // namespace airlock::cli
