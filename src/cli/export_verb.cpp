// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/export.hpp"
#include "airlock/flow/read_inventory.hpp"
#include "airlock/records/inventory.hpp"
#include "cli/image_text.hpp"
#include "cli/source_options.hpp"
#include "cli/stick_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

constexpr const char* default_stream = "default";

struct ExportOptions {
  SourceOptions source;
  SigningOptions signing;
  VolumeSizeOptions volumes;
  std::string lock;
  std::vector<std::filesystem::path> since;
  std::string output;
  std::string stream = default_stream;
  std::optional<std::uint64_t> serial;
  std::string expires;
  bool read_back = false;
  bool dry_run = false;
  StickOptions stick;
};

flow::ExportRequest make_request(const ExportOptions& options, Reporter& reporter) {
  flow::ExportRequest request = options.source.request(reporter, options.lock);
  const auto set = options.source.declared();
  if (set && !set->stream.empty() && options.stream != default_stream && options.stream != set->stream)
    reporter.note(fmt::format("{}: overridden on the command line: --stream", options.source.set_file));
  request.stream = options.stream == default_stream && set && !set->stream.empty() ? set->stream : options.stream;
  request.serial = options.serial;
  request.output = options.output;
  request.volumes = options.volumes.volumes();
  for (const auto& file : options.since) request.since.push_back(flow::read_inventory(file, request.volumes.places));
  request.hash_jobs = processors();
  request.read_back = options.read_back;
  if (!options.expires.empty()) {
    request.expires = parse_time(options.expires);
    if (!request.expires)
      throw Error(ErrorCode::usage, fmt::format("--expires {} is not a time", options.expires))
          .hint("write 2026-12-31 or 2026-12-31T18:00:00Z (UTC)");
  }
  return request;
}

std::size_t referrers_of(const bundle::Metadata& metadata) {
  std::set<oci::Digest> referrers;
  for (const auto& image : metadata.images)
    for (const auto& referrer : image.referrers) referrers.insert(referrer.descriptor.digest);
  return referrers.size();
}

Json to_json(const flow::ExportResult& result) {
  Json images = Json::array();
  for (const auto& image : result.metadata.images)
    images.push_back({{"source", image.source.str()}, {"digest", image.descriptor.digest.str()}});
  return {{"images", std::move(images)},
          {"missing", missing_json(result.metadata.missing())},
          {"blobs", result.metadata.blobs.size()},
          {"blobBytes", result.blob_bytes},
          {"sharedBytes", result.shared_bytes},
          {"archiveSize", result.archive_size},
          {"stream", result.metadata.stream},
          {"serial", result.metadata.serial},
          {"sumsDigest", result.sums_digest.str()},
          {"reliedOnBlobs", result.metadata.base.blobs.size()},
          {"reliedOnBytes", result.base_bytes},
          {"referrers", referrers_of(result.metadata)},
          {"requests", result.statistics.requests},
          {"retries", result.statistics.retries},
          {"seconds", static_cast<std::uint64_t>(result.duration.count() / 1000)}};
}

std::string summary(const flow::ExportResult& result) {
  const std::size_t referrers = referrers_of(result.metadata);
  const std::string attached =
      referrers == 0 ? ""
                     : fmt::format("  attached   {}\n", count_of(referrers, "signature, attestation or SBOM",
                                                                 "signatures, attestations and SBOMs"));
  std::string transfer = "  transfer   " + describe(result.statistics);
  if (result.duration.count() > 0)
    transfer += fmt::format(", {}/s overall",
                            human_size(result.blob_bytes * 1000 / static_cast<std::uint64_t>(result.duration.count())));
  return fmt::format(
      "  content    {}, {}, {} (sharing saves {})\n  selection  {}\n  stream     {}, serial {}\n{}{}\n  SHA256SUMS "
      "{}\n",
      count_of(result.metadata.images.size(), "image"), count_of(result.metadata.blobs.size(), "blob"),
      human_size(result.blob_bytes), human_size(result.shared_bytes), describe(result.metadata.selection),
      result.metadata.stream, result.metadata.serial, attached, transfer, result.sums_digest.str());
}

/// The public key that keygen wrote beside a private one, if it is still there.
std::string public_key_beside(const std::string& private_key) {
  const auto path = std::filesystem::path(private_key).replace_extension(".pub");
  return std::filesystem::exists(path) ? shell_word(path.string()) : "PUBLIC-KEY";
}

/// The bundle is finished: whatever is wrong with the rest must not hide that.
std::optional<flow::StickResult> lay_stick(const ExportOptions& options, const flow::ExportRequest& request,
                                           const trust::PublicKey& signer) {
  if (options.stick.release.empty()) return std::nullopt;
  try {
    return flow::lay_stick(options.stick.request(options.output, request.volumes.places), signer);
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("{} is written and signed, but airlock is not beside it: {}", options.output, error.what()))
        .hint(fmt::format("put that right, and run: airlock stick {} --key PUB --release {}",
                          shell_word(options.output), shell_word(options.stick.release)));
  }
}

/// The bundle is good, but not all that was asked for.
void note_missing(const flow::ExportResult& result, GlobalOptions& global) {
  if (!result.metadata.missing().empty()) global.status = static_cast<int>(ErrorCode::incomplete);
}

void plan(const ExportOptions& options, GlobalOptions& global, Reporter& reporter) {
  if (!options.stick.release.empty()) flow::check_stick(options.stick.request(options.output, {}));
  const auto result = flow::plan_export(make_request(options, reporter), reporter);
  note_missing(result, global);
  print(global.json() ? pretty_json(to_json(result)) + "\n"
                      : fmt::format("Would write {}:\n{}", human_size(result.archive_size), summary(result)));
}

void print_result(const ExportOptions& options, const flow::ExportRequest& request, const flow::ExportResult& result,
                  const trust::PublicKey& key, const std::optional<flow::StickResult>& stick) {
  print(fmt::format("{}: written and signed, {} in {}\n{}  signed by  {}, {}\n{}{}", options.output,
                    human_size(result.archive_size), human_duration(result.duration), summary(result),
                    request.signature_name, key.fingerprint(), volumes_text(options.output, request.volumes.places),
                    stick ? stick_text(*stick) : ""));
}

void run(const ExportOptions& options, GlobalOptions& global) {
  Reporter reporter(global.reporter());
  if (options.dry_run) return plan(options, global, reporter);
  if (options.output.empty())
    throw Error(ErrorCode::usage, "-o BUNDLE is missing")
        .hint("name a file on the medium, e.g. -o /media/usb/kubernetes.tar; or --dry-run");
  if (options.signing.key.empty())
    throw Error(ErrorCode::usage, "--key is missing: export signs the bundle")
        .hint("make a key pair with: airlock keygen NAME");
  if (!options.stick.release.empty()) flow::check_stick(options.stick.request(options.output, {}));
  const auto key = options.signing.load();
  auto request = make_request(options, reporter);
  request.signature_name = options.signing.signature_name();
  const auto result = flow::export_bundle(request, key, reporter);
  note_missing(result, global);
  const auto stick = lay_stick(options, request, key.public_key());
  if (global.json()) {
    Json json = to_json(result);
    json["bundle"] = options.output;
    json["signer"] = key.public_key().fingerprint();
    if (stick) json["stick"] = {{"page", stick->page.string()}, {"release", stick->release.string()}};
    print_json(json);
    return;
  }
  print_result(options, request, result, key.public_key(), stick);
  options.stick.note(reporter);
  reporter.note(fmt::format("Next: carry it over, and verify it there with\n  airlock verify {} --key {}",
                            shell_word(options.output), public_key_beside(options.signing.key)));
}

}  // namespace

void add_export(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ExportOptions>();
  options->source.add_to(verb);
  verb.add_option("--lock", options->lock, "Export exactly the images of this lock file (airlock resolve)")
      ->type_name("FILE");
  verb.add_option("--since", options->since, "Leave out the blobs that this receipt, lock file or bundle lists")
      ->allow_extra_args(false)
      ->type_name("FILE");
  verb.add_option("-o", options->output, "The bundle to write; must not exist")->type_name("BUNDLE");
  options->volumes.add_to(verb);
  verb.add_option("--stream", options->stream, "Name of the series that this bundle belongs to")
      ->type_name("NAME")
      ->capture_default_str();
  verb.add_option("--serial", options->serial, "Number in the series (default: seconds since 1970)")->type_name("N");
  verb.add_option("--expires", options->expires, "Time after which it should not be imported")->type_name("TIME");
  verb.add_flag("--read-back", options->read_back,
                "Verify the finished bundle by reading it back from the medium, past the page cache");
  verb.add_flag("--dry-run", options->dry_run, "Stop before anything is downloaded or written; needs no key");
  options->signing.add_to(verb);
  options->stick.add_to(verb, "--with-airlock");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock export --filter base --kubernetes-versions v1.29.4,v1.28.8 --key alice.key -o "
      "/media/usb/kubernetes.tar");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
