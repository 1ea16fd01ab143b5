// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/receipt_files.hpp"
#include "cli/configuration.hpp"
#include "cli/evidence.hpp"
#include "cli/image_text.hpp"
#include "cli/naming_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ImportOptions {
  std::string bundle;
  TargetOptions target;
  TrustOptions trust;
  ConfigurationOptions configuration;
  NamingOptions naming;
  bool files = false;
  unsigned jobs = 0;
  std::string receipt;
  std::string receipt_key;
  std::string receipt_passphrase_file;
  bool verify_first = false;
  bool dry_run = false;
  bool keep_existing = false;
  bool convert_docker_types = false;
  std::optional<std::string> shard;
  unsigned shards = 0;
};

flow::Shard named_shard(const ImportOptions& options) {
  if (options.shard) return flow::Shard::parse(*options.shard);
  return options.shards == 0 ? flow::Shard() : flow::Shard::of_job(options.shards, std::getenv("JOB_COMPLETION_INDEX"));
}

/// What speaks of the whole bundle has to wait for all shards.
flow::Shard shard_of(const ImportOptions& options) {
  const flow::Shard shard = named_shard(options);
  if (!shard.is_whole() && !options.receipt.empty())
    throw Error(ErrorCode::usage, "a shard imports a part of the bundle, so no receipt can be given for it")
        .hint("when all shards are done, import once without --shard and with --receipt: it sends nothing");
  if (!shard.is_whole() && !(options.configuration.emit.empty() && options.configuration.patch.empty()))
    throw Error(ErrorCode::usage,
                "a shard imports a part of the bundle: --emit and --patch have to wait for the others")
        .hint("when airlock check finds all: airlock config REGISTRY --emit FILE, or --patch FILE");
  return shard;
}

flow::ImportRequest make_request(const ImportOptions& options, Reporter& reporter) {
  flow::ImportRequest request{.verify = {}, .target = options.target.location(), .client = options.target.client()};
  request.verify.bundle = options.bundle;
  options.trust.apply(request.verify);
  request.verify.jobs = processors();
  request.verify.blobs = options.verify_first || options.dry_run ? bundle::BlobCheck::now : bundle::BlobCheck::on_read;
  request.jobs = options.jobs;
  request.api_version = kubeone::parse_api_version(options.configuration.api_version);
  request.dry_run = options.dry_run;
  request.types = options.convert_docker_types ? flow::DockerTypes::convert : flow::DockerTypes::keep;
  request.naming = {options.naming.mapping(), options.files};
  request.shard = shard_of(options);
  request.prove_blobs = !options.receipt.empty();
  request.check_targets = [&options] { options.configuration.check(options.target.location()); };
  request.existing = options.keep_existing ? transfer::Existing::keep : transfer::Existing::move;
  // Without a state directory, the next run restarts interrupted uploads from their first byte.
  if (const auto directory = flow::state_directory(request.verify))
    request.client.upload_ledger = *directory / "uploads";
  const auto consumer =
      std::make_shared<std::optional<kubeone::Consumer>>();  // determined once, before the registry is contacted
  request.preflight = [&options, &reporter, consumer, naming = request.naming](const bundle::Metadata& metadata) {
    options.configuration.check_naming(naming.of(metadata).mapping, true);
    options.configuration.check_versions(metadata.selection.kubernetes_versions);
    *consumer = options.configuration.consumer(metadata.selection.kubeone, reporter);
    options.configuration.check_manifests(**consumer);
    options.configuration.check_charts({kubeone::parse_api_version(options.configuration.api_version),
                                        options.target.location(), registry::Reach::tls_verified, **consumer},
                                       metadata, naming.of(metadata));
  };
  request.consumer = [consumer](const bundle::Metadata&) { return consumer->value(); };
  return request;
}

Json moves_json(const std::vector<transfer::Move>& moves) {
  Json json = Json::array();
  for (const transfer::Move& move : moves)
    json.push_back({{"name", move.name}, {"from", move.from.str()}, {"to", move.to.str()}});
  return json;
}

std::string moves_text(const std::vector<transfer::Move>& moves) {
  if (moves.empty()) return "No name moves from another image.\n";
  std::string text = count_of(moves.size(), "name") + " would move from another image:\n";
  for (const transfer::Move& move : moves)
    text += fmt::format("  {}\n    from {}\n    to   {}\n", move.name, move.from.str(), move.to.str());
  return text;
}

/// The part of a KubeOneCluster manifest that leads to the names, where one can.
void add_configuration(Json& json, const flow::ImportResult& result, const kubeone::MirrorConfiguration& mirror) {
  const bool usual = result.naming.mapping.is_usual();
  json["registryConfiguration"] = usual ? Json(result.configuration.stanza()) : Json();
  json["mirrors"] = usual || mirror.sources.empty() ? Json() : Json(mirror.stanza(result.configuration.api_version));
}

Json to_json(const flow::ImportResult& result, const kubeone::MirrorConfiguration& mirror) {
  Json published = Json::array();
  for (const auto& item : result.push.published)
    published.push_back({{"source", item.destination.image->source.str()},
                         {"name", item.destination.str()},
                         {"digest", item.digest.str()},
                         {"derived", item.derived},
                         {"presentBefore", item.present_before}});
  Json json{{"trust", evidence_json(result.evidence)},
            {"registry", result.configuration.registry.str()},
            {"reach", oci::to_string(result.configuration.reach)},
            {"published", std::move(published)},
            {"moves", moves_json(result.push.moves)},
            {"blobsSent", result.push.blobs_sent},
            {"bytesSent", result.push.bytes_sent},
            {"blobsMounted", result.push.blobs_mounted},
            {"blobsPresent", result.push.blobs_present},
            {"manifestsSent", result.push.manifests_sent},
            {"requests", result.statistics.requests},
            {"retries", result.statistics.retries},
            {"seconds", static_cast<std::uint64_t>(result.duration.count() / 1000)},
            {"images", result.metadata.images.size()},
            {"missing", missing_json(result.metadata.missing())},
            {"warnings", result.warnings}};
  add_configuration(json, result, mirror);
  return json;
}

/// Who signed it, and which bundle it was.
std::string described_bundle(const flow::ImportResult& result) {
  std::vector<std::string> signers;
  for (const auto& requirement : result.evidence.requirements())
    for (const auto& signer : requirement.signers)
      signers.push_back(fmt::format("{} by {}", signer.approval ? "approved" : "signed", signer.name));
  return fmt::format("stream {}, serial {}, {}; {}", result.metadata.stream, result.metadata.serial,
                     join(signers, ", "), describe(result.metadata.selection));
}

void tell(const flow::ImportResult& result, Reporter& reporter) {
  const auto& push = result.push;
  std::size_t derived = 0;
  std::size_t present = 0;
  for (const auto& item : push.published) {
    derived += item.derived && !item.present_before ? 1 : 0;
    present += item.present_before ? 1 : 0;
    reporter.detail(fmt::format("{} is {}", item.destination.str(), item.digest.str()));
  }
  reporter.note(fmt::format("{} serves {}{} ({}), each read back and compared, in {}",
                            result.configuration.registry.str(), push.published.size() == 1 ? "" : "all ",
                            count_of(push.published.size(), "name"), oci::to_string(result.configuration.reach),
                            human_duration(result.duration)));
  reporter.note("  of         " + described_bundle(result));
  reporter.note(fmt::format("  sent       {}, {}, {}", count_of(push.blobs_sent, "blob"), human_size(push.bytes_sent),
                            count_of(push.manifests_sent, "manifest")));
  reporter.note(
      fmt::format("  mounted    {} from other repositories of the registry", count_of(push.blobs_mounted, "blob")));
  std::string there = count_of(present, "name");
  if (present < push.published.size())
    there += fmt::format("; of the other images {}", count_of(push.blobs_present, "blob"));
  reporter.note("  were there " + there);
  reporter.note("  transfer   " + describe(result.statistics));
  if (derived > 0)
    reporter.note(
        fmt::format("  derived    {} with only the platforms of the bundle, because the registry refuses the sparse "
                    "original; their digests differ from upstream's (the platforms' own do not)",
                    count_of(derived, "index", "indexes")));
}

void tell_shard(const flow::Shard& shard, const flow::ImportResult& result, Reporter& reporter) {
  if (shard.is_whole()) return;
  std::set<const records::Image*> images;
  for (const auto& destination : result.destinations) images.insert(destination.image);
  reporter.note(fmt::format("shard {}/{}: {} of the bundle's {}", shard.number, shard.count,
                            images.empty() ? "no image" : std::to_string(images.size()),
                            count_of(result.metadata.images.size(), "image")));
}

/// Loaded before anything is sent: the passphrase prompt comes at the start of a long run, not at its end.
std::optional<trust::PrivateKey> receipt_signer(const ImportOptions& options) {
  if (options.receipt.empty() && !options.receipt_key.empty())
    throw Error(ErrorCode::usage, "--receipt-key is given, but no receipt is written").hint("add --receipt FILE");
  if (!options.receipt.empty()) check_new(options.receipt);
  if (options.receipt_key.empty()) return std::nullopt;
  SigningOptions signing;
  signing.key = options.receipt_key;
  signing.passphrase_file = options.receipt_passphrase_file;
  auto key = signing.load();
  for (const std::string& name : trust::signature_names(key.public_key(), options.receipt)) check_new(name);
  return key;
}

void run(const ImportOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  const auto signer = receipt_signer(options);
  const auto request = make_request(options, reporter);
  const auto result = flow::import_bundle(request, options.trust.policy(), reporter);
  kubeone::MirrorConfiguration mirror{result->configuration.registry, result->configuration.reach,
                                      request.client.credentials.find(request.target.host).has_value(), result->sources,
                                      result->configuration.consumer};
  const kubeone::NameMapping& mapping = result->naming.mapping;
  for (std::string& warning : naming_warnings(mapping, mirror)) result->warnings.push_back(std::move(warning));
  // These warnings do not apply to mirrors.
  if (!options.configuration.mirrors && mapping.is_usual())
    for (const std::string& warning : result->configuration.warnings())
      result->warnings.insert(result->warnings.begin(), warning);
  for (const std::string& warning : result->warnings) reporter.warning(warning);
  tell_shard(request.shard, *result, reporter);
  if (options.dry_run) {
    std::string text = fmt::format("Would publish {}:\n", count_of(result->destinations.size(), "name"));
    for (const auto& destination : result->destinations) text += fmt::format("  {}\n", destination.str());
    if (global.json())
      print_json(to_json(*result, mirror));
    else
      print(text + moves_text(result->push.moves));
    return;
  }
  if (!global.json() && !result->destinations.empty()) tell(*result, reporter);
  if (!options.receipt.empty()) {
    const auto files = flow::write_receipt(options.receipt, flow::make_receipt(*result), signer ? &*signer : nullptr);
    reporter.note(fmt::format("  receipt    {}{}", join(files, ", "), signer ? "" : " (not signed: --receipt-key)"));
  }
  options.configuration.write(result->configuration, mirror, result->naming, &result->metadata, reporter);
  if (global.json())
    print_json(to_json(*result, mirror));
  else if (options.configuration.emit.empty() && options.configuration.patch.empty() && request.shard.is_whole() &&
           !result->destinations.empty())
    print(options.configuration.stanza(result->configuration, mirror, mapping));
  if (!global.json() && request.shard.is_whole())
    reporter.note(
        fmt::format("Next: {}check at any time\n"
                    "  airlock check {} --bundle {} {}{}{}",
                    !options.configuration.patch.empty() ? ""
                    : mapping.is_usual() ? "put this into the KubeOneCluster manifest (--patch FILE does), and "
                                         : "put this into the KubeOneCluster manifest, and ",
                    options.target.words(), shell_word(options.bundle), options.trust.words(), options.naming.words(),
                    options.files ? " --files" : ""));
}

}  // namespace

void add_import(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ImportOptions>();
  verb.add_option("BUNDLE", options->bundle, "The bundle")->required();
  options->target.add_to(verb);
  options->trust.add_to(verb);
  options->configuration.add_to(verb, true);
  options->naming.add_to(verb, "Other names inside than the usual ones (default: as the bundle was made for)");
  verb.add_flag("--files", options->files, "Push the bundle's files too, as OCI artifacts below files/")
      ->group("Names inside");
  add_request_jobs(verb, options->jobs);
  verb.add_option("--receipt", options->receipt, "Write a receipt of what the registry now holds, for export --since")
      ->type_name("FILE")
      ->group("Receipt");
  verb.add_option("--receipt-key", options->receipt_key, "Private key that signs the receipt")
      ->type_name("KEY")
      ->group("Receipt");
  verb.add_option("--receipt-passphrase-file", options->receipt_passphrase_file,
                  "File with its passphrase in the first line (default: ask)")
      ->type_name("FILE")
      ->group("Receipt");
  auto* shard = verb.add_option("--shard", options->shard,
                                "Import one of N parts, e.g. 2/4, so that several machines share the work")
                    ->type_name("I/N")
                    ->group("Several machines");
  verb.add_option("--shards", options->shards,
                  "The same in a Kubernetes Indexed Job: I is its JOB_COMPLETION_INDEX + 1")
      ->check(CLI::Range(1U, 1000U))
      ->excludes(shard)
      ->type_name("N")
      ->group("Several machines");
  verb.add_flag("--verify-first", options->verify_first,
                "Read and check every byte before anything is sent (default: each blob as it is sent)");
  verb.add_flag("--keep-existing", options->keep_existing,
                "Fail, before anything is sent, if a name would move from another image in the registry");
  verb.add_flag("--convert-docker-types", options->convert_docker_types,
                "Store images of Docker's media types in the OCI's, for a registry that takes no others; their digests "
                "change");
  verb.add_flag("--dry-run", options->dry_run, "Verify, and check that the registry would accept it; write nothing");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock import /media/usb/kubernetes.tar registry.local:5000 --key alice.pub --cacert ca.pem "
      "--emit registry.yaml");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
