// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/read_inventory.hpp"
#include "airlock/review/report.hpp"
#include "airlock/version.hpp"
#include "cli/review_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ReportOptions {
  ReviewOptions review;
  std::string output;
  std::string since;
  std::vector<std::string> findings;
  bool no_software = false;
  LayerOptions layers;
};

/// The page says nothing of the machine that it was made on.
std::string without_folder(std::string text, const std::filesystem::path& file) {
  const std::string folder = file.parent_path().empty() ? "" : (file.parent_path() / "").string();
  if (!folder.empty())
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at))
      text.erase(at, folder.size());
  return text;
}

/// A bundle that is refused has a page, too: that says why. A page says yes or no: every byte is checked before.
flow::OpenedBundle open(const ReportOptions& options, std::string& refusal, Reporter& reporter) {
  try {
    return options.review.open(reporter, bundle::BlobCheck::now);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::trust && error.code() != ErrorCode::policy) throw;
    refusal = without_folder(error.what(), options.review.bundle);
    ReviewOptions unchecked = options.review;
    unchecked.trust.key_file.clear();
    unchecked.trust.policy_file.clear();
    return unchecked.open(reporter, bundle::BlobCheck::now);
  }
}

std::vector<std::string> commands_for(const std::string& bundle) {
  const std::string name = shell_word(std::filesystem::path(bundle).filename().string());
  return {"mkdir unpacked && tar -xf " + name + " -C unpacked",
          "cd unpacked",
          "ls signatures",
          "openssl dgst -sha256 -verify ../NAME.pub -signature signatures/NAME.sig SHA256SUMS    # ECDSA and RSA",
          std::string("openssl pkeyutl -verify -pubin -inkey ../NAME.pub -rawin -in SHA256SUMS -sigfile ") +
              "signatures/NAME.sig    # Ed25519",
          "sha256sum --strict --quiet -c SHA256SUMS",
          "sha256sum SHA256SUMS    # the digest at the top of this page"};
}

void read_files(const ReportOptions& options, review::ReportInput& input) {
  if (!options.since.empty()) {
    input.since = flow::read_inventory(options.since, options.review.trust.volumes.places());
    input.since->name = std::filesystem::path(options.since).filename().string();
  }
  for (const std::string& file : options.findings) {
    for (review::Finding& finding : review::read_findings(read_text(file, 64U << 20), file))
      input.findings.push_back(std::move(finding));
    input.findings_files.push_back(std::filesystem::path(file).filename().string());
  }
}

/// What is inside of images is known where the earlier list of them is a bundle.
void compare_inside(const ReportOptions& options, const bundle::BundleContent& bundle,
                    const review::InventoryCache* cache, review::ReportInput& input, Reporter& reporter) {
  if (!input.since || input.since->kind != records::InventoryKind::bundle) return;
  flow::VerifyRequest request;
  request.bundle = options.since;
  request.volumes = options.review.trust.volumes.places();
  request.jobs = processors();
  request.blobs = bundle::BlobCheck::on_read;
  const auto since = flow::open_for_review(request, std::nullopt, reporter);
  review::DifferenceOptions asked;
  asked.packages = !options.no_software;
  asked.layers = options.layers.inventory(cache);
  asked.software_after = &input.software;
  input.inside = review::compare_images(*since.content, bundle, asked, reporter);
}

void run(const ReportOptions& options, GlobalOptions& global) {
  Reporter reporter(global.reporter());
  check_new(options.output);
  review::ReportInput input;
  read_files(options, input);  // before the long work
  const auto bundle = open(options, input.refusal, reporter);
  input.name = std::filesystem::path(options.review.bundle).filename().string();
  input.tool = std::string("airlock ") + version;
  input.bundle = bundle.content.get();
  input.evidence = bundle.evidence;
  input.signatures = bundle.signatures;
  input.sums_digest = bundle.sums_digest;
  input.images = review::summarize(*bundle.content);
  const auto cache = options.layers.open_cache(options.review.trust);
  if (!options.no_software)
    input.software = review::take_inventory(
        *bundle.content, review::platform_images(*bundle.content, [](const records::Image&) { return true; }),
        options.layers.inventory(cache.get()), reporter);
  compare_inside(options, *bundle.content, cache.get(), input, reporter);
  input.commands = commands_for(options.review.bundle);
  const std::string page = review::report_page(input);
  write_new_file(options.output, page);
  const auto hints = review::hints_of(input);
  const auto grave = std::count_if(hints.begin(), hints.end(), [](const review::Hint& hint) { return hint.grave; });
  const std::string verdict = !input.refusal.empty() ? "refused" : input.evidence ? "verified" : "not verified";
  if (global.json())
    print_json({{"report", options.output},
                {"digest", oci::sha256(page).str()},
                {"verdict", verdict},
                {"images", input.images.size()},
                {"hints", hints.size()},
                {"graveHints", grave}});
  else
    print(fmt::format("{}: {}, {}, {}, {} of them grave\n  digest     {}\n", options.output, verdict,
                      count_of(input.images.size(), "image"), count_of(hints.size(), "hint"), grave,
                      oci::sha256(page).str()));
  reporter.note(input.refusal.empty() ? "Next: open it in a browser; airlock approve, if it may cross"
                                      : "Next: open it in a browser; airlock reject signs that it must not cross");
  if (!input.refusal.empty()) global.status = static_cast<int>(ErrorCode::trust);
}

}  // namespace

void add_report(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ReportOptions>();
  options->review.add_to(verb);
  verb.add_option("-o", options->output, "The page to write; must not exist")->required()->type_name("FILE");
  verb.add_option("--since", options->since, "Say what changed since this bundle, lock file or receipt")
      ->type_name("FILE");
  auto* findings = verb.add_option("--findings", options->findings,
                                   "What a scanner found: Grype, Trivy, SARIF, CycloneDX or OpenVEX, as JSON")
                       ->allow_extra_args(false)
                       ->type_name("FILE");
  options->layers.add_to(verb);
  verb.add_flag("--no-software", options->no_software, "Do not read layers: no software, no setuid files")
      ->excludes(findings)
      ->excludes("--cache");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock report /media/usb/kubernetes.tar --policy policy.yaml --since may.tar -o review.html");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
