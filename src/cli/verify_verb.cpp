// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/missing.hpp"
#include "airlock/flow/verify.hpp"
#include "cli/evidence.hpp"
#include "cli/image_text.hpp"
#include "cli/outcome.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct VerifyVerbOptions {
  flow::VerifyRequest request;
  TrustOptions trust;
  std::string sarif;
  std::string junit;
};

std::uint64_t blob_bytes(const bundle::Metadata& metadata) {
  std::uint64_t bytes = 0;
  for (const auto& blob : metadata.blobs) bytes += blob.size;
  return bytes;
}

void print_verified(const std::string& path, const bundle::VerifiedBundle& bundle) {
  const bundle::Metadata& metadata = bundle.metadata();
  Json images = Json::array();
  for (const auto& image : metadata.images)
    images.push_back({{"source", image.source.str()}, {"digest", image.descriptor.digest.str()}});
  print_json({{"bundle", path},
              {"verified", true},
              {"trust", evidence_json(bundle.evidence())},
              {"sumsDigest", bundle.evidence().signed_content().str()},
              {"stream", metadata.stream},
              {"serial", metadata.serial},
              {"created", format_time(metadata.created)},
              {"images", std::move(images)},
              {"missing", missing_json(metadata.missing())},
              {"blobs", metadata.blobs.size()},
              {"blobBytes", blob_bytes(metadata)},
              {"archiveSize", bundle.archive_size()}});
}

void print_text(const std::string& path, const bundle::VerifiedBundle& bundle) {
  const bundle::Metadata& metadata = bundle.metadata();
  print(
      fmt::format("{}: verified\n{}  content    {}, {}, {}, every byte checked\n  selection  {}\n"
                  "  stream     {}, serial {}, created {}{}\n{}  SHA256SUMS {}\n",
                  path, evidence_text(bundle.evidence()), count_of(metadata.images.size(), "image"),
                  count_of(metadata.blobs.size(), "blob"), human_size(blob_bytes(metadata)),
                  describe(metadata.selection), metadata.stream, metadata.serial, format_time(metadata.created),
                  metadata.expires ? ", expires " + format_time(*metadata.expires) : "", base_text(metadata.base),
                  bundle.evidence().signed_content().str()));
}

/// A pipeline writes its outcome again and again; a bundle or a key that is named by mistake is not overwritten.
void check_outcome_file(const std::string& file, std::string_view mark, const char* option) {
  if (file.empty()) return;
  check_replaceable(file);
  if (!std::filesystem::is_regular_file(file) || std::filesystem::file_size(file) == 0) return;
  std::string start(std::min<std::uintmax_t>(std::filesystem::file_size(file), 1024), '\0');
  read_exactly(open_file(file, O_RDONLY), 0, start, file);
  if (start.find(mark) == std::string::npos)
    throw Error(ErrorCode::media,
                fmt::format("{}, named by {}, is another file than airlock writes there", file, option))
        .hint("name another one, or remove it first");
}

void check_outcome_files(const VerifyVerbOptions& options) {
  check_outcome_file(options.sarif, "sarif", "--sarif");
  check_outcome_file(options.junit, "<testsuite", "--junit");
  if (!options.sarif.empty() && options.sarif == options.junit)
    throw Error(ErrorCode::usage, "--sarif and --junit name the same file").hint("name a file for each");
}

/// For pipelines: written whether it passed or not.
void write_outcome(const VerifyVerbOptions& options, const std::optional<bundle::VerifiedBundle>& bundle,
                   const Error* refusal) {
  const std::string path = options.request.bundle.string();
  const trust::Evidence* evidence = bundle ? &bundle->evidence() : nullptr;
  if (!options.sarif.empty()) replace_file(options.sarif, pretty_json(sarif_outcome(path, evidence, refusal)) + "\n");
  if (!options.junit.empty()) replace_file(options.junit, junit_outcome(path, evidence, refusal));
}

bundle::VerifiedBundle verify(const VerifyVerbOptions& options, const flow::VerifyRequest& request,
                              Reporter& reporter) {
  std::optional<bundle::VerifiedBundle> bundle;
  try {
    bundle.emplace(flow::verify_bundle(request, options.trust.policy(), reporter));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::interrupted) write_outcome(options, bundle, &error);
    throw;
  }
  write_outcome(options, bundle, nullptr);
  return std::move(*bundle);
}

void run(const VerifyVerbOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  check_outcome_files(options);
  flow::VerifyRequest request = options.request;
  options.trust.apply(request);
  request.past_cache = true;
  request.keep_documents = false;
  const auto bundle = verify(options, request, reporter);
  const std::string path = options.request.bundle.string();
  if (!global.json()) flow::tell_missing(bundle.metadata().missing(), reporter);
  if (global.json())
    print_verified(path, bundle);
  else
    print_text(path, bundle);
  if (!global.json())
    reporter.note(fmt::format(
        "Next: to approve it without reading it again\n  airlock approve {} --key KEY --verified {}\n"
        "or to import it\n  airlock import {} REGISTRY {}",
        shell_word(path), bundle.evidence().signed_content().str(), shell_word(path), options.trust.words()));
}

}  // namespace

void add_verify(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<VerifyVerbOptions>();
  options->request.jobs = processors();
  verb.add_option("BUNDLE", options->request.bundle, "The bundle")->required();
  options->trust.add_to(verb);
  verb.add_flag("--layers", options->request.layers,
                "Also unpack every layer in memory and compare it with its image's config, as containerd will");
  verb.add_option("--sarif", options->sarif, "Also write the outcome to this file as SARIF 2.1.0")->type_name("FILE");
  verb.add_option("--junit", options->junit, "Also write the outcome to this file as JUnit XML")->type_name("FILE");
  add_jobs(verb, options->request.jobs);
  global.add_to(verb);
  verb.footer(
      "Examples:\n  airlock verify /media/usb/kubernetes.tar --key alice.pub\n"
      "  airlock verify /media/usb/kubernetes.tar --policy policy.yaml");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
