// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/review/sbom.hpp"
#include "airlock/version.hpp"
#include "cli/review_options.hpp"
#include "cli/sbom_text.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

constexpr std::size_t write_size = 64U << 10;  // bytes

struct SbomOptions {
  ReviewOptions review;
  ImageChoice choice;
  std::string format = "table";
  std::string output;
  LayerOptions layers;
};

std::unique_ptr<review::SbomWriter> writer_for(const SbomOptions& options, const flow::OpenedBundle& bundle,
                                               const std::vector<review::PlatformImage>& images, bool json,
                                               review::SbomWriter::Sink sink) {
  const review::SbomSubject subject{
      std::filesystem::path(options.review.bundle).filename().string(), bundle.sums_digest, bundle.metadata().created,
      std::string("airlock ") + version,
      bundle.evidence ? "The bundle's signatures were verified." : "The bundle's signatures were not checked."};
  if (options.format == "spdx") return review::spdx_writer(subject, images, std::move(sink));
  if (options.format == "cyclonedx") return review::cyclonedx_writer(subject, std::move(sink));
  // With a file, --output json is about what is said of it.
  return json && options.output.empty() ? json_writer(std::move(sink)) : table_writer(std::move(sink));
}

/// What could not be read or compared.
std::vector<std::string> warnings_of(const review::InventoriedImage& image) {
  std::vector<std::string> warnings;
  for (const std::string& note : image.inventory.notes) warnings.push_back(image.image.str() + ": " + note);
  if (!image.inventory.without_database.empty())
    warnings.push_back(image.image.str() + ": " + image.inventory.without_database);
  for (const review::AttachedSbom& sbom : image.attached)
    if (!sbom.problem.empty())
      warnings.push_back(fmt::format("{}: upstream's list of software {} was not compared: {}", image.image.str(),
                                     sbom.digest.short_hex(), sbom.problem));
  return warnings;
}

void run(const SbomOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  if (!options.output.empty()) check_new(options.output);
  std::optional<NewFile> file;  // before the long work: its folder may not be there
  if (!options.output.empty()) file.emplace(options.output, Access::shared);
  const auto bundle = options.review.open(reporter);
  const auto cache = options.layers.open_cache(options.review.trust);
  const review::SoftwareInventory inventory(*bundle.content, options.choice.platforms_of(*bundle.content),
                                            options.layers.inventory(cache.get()), reporter);
  std::string waiting;
  const auto flush = [&] {
    file ? file->write(waiting) : print(waiting);
    waiting.clear();
  };
  const auto writer = writer_for(options, bundle, inventory.images(), global.json(), [&](std::string_view text) {
    waiting += text;
    if (waiting.size() >= write_size) flush();
  });
  std::size_t packages = 0;
  std::vector<std::string> warnings;
  for (std::size_t i = 0; i < inventory.images().size(); ++i) {
    throw_if_interrupted();
    const review::InventoriedImage image = inventory.at(i);
    writer->add(image);
    packages += image.inventory.packages.size();
    for (std::string& warning : warnings_of(image)) warnings.push_back(std::move(warning));
  }
  writer->finish();
  flush();
  if (file) file->appear();
  for (const std::string& warning : warnings) reporter.warning(warning);
  if (global.json() && file)
    print_json({{"sbom", options.output},
                {"format", options.format},
                {"images", inventory.images().size()},
                {"packages", packages},
                {"verified", bundle.evidence.has_value()}});
  reporter.note(fmt::format("{} in {}{}{}", count_of(packages, "package"), count_of(inventory.images().size(), "image"),
                            options.output.empty() ? "" : ": " + options.output,
                            bundle.evidence ? "" : "; signatures were not checked (--key or --policy does)"));
}

}  // namespace

void add_sbom(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<SbomOptions>();
  options->review.add_to(verb);
  options->choice.add_to(verb);
  verb.add_option("--format", options->format, "SPDX 2.3 or CycloneDX 1.6 as JSON, or a table")
      ->check(CLI::IsMember({"spdx", "cyclonedx", "table"}))
      ->type_name("FORM")
      ->capture_default_str();
  verb.add_option("-o", options->output, "Write it to this new file")->type_name("FILE");
  options->layers.add_to(verb);
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock sbom /media/usb/kubernetes.tar --key alice.pub --format cyclonedx -o kubernetes.cdx.json");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
