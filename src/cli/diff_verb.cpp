// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/open_for_review.hpp"
#include "airlock/flow/read_inventory.hpp"
#include "airlock/flow/registry_inventory.hpp"
#include "airlock/records/own_content.hpp"
#include "airlock/review/image_difference.hpp"
#include "cli/naming_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

/// What tells a registry from a file, as skopeo's and Docker's tools write it.
constexpr std::string_view registry_scheme = "docker://";

struct DiffOptions {
  std::string before;
  std::string after;
  VolumePlaceOptions volumes;
  TargetOptions target;  // where one of the two is a registry
  NamingOptions naming;
  bool packages = false;
  bool files = false;
  bool exit_code = false;
  unsigned jobs = 0;
};

struct Compared {
  records::Difference difference;
  bool blobs = true;  ///< a registry was not asked for them
  std::vector<review::ImageDifference> images;
};

Json to_json(const Compared& compared) {
  const records::Difference& difference = compared.difference;
  Json changed = Json::array();
  for (const auto& [source, digests] : difference.changed)
    changed.push_back({{"source", source}, {"old", digests.first.str()}, {"new", digests.second.str()}});
  Json inside = Json::array();
  for (const auto& image : compared.images)
    inside.push_back({{"source", image.source},
                      {"before", image.before},
                      {"settings", image.settings},
                      {"packages", image.packages},
                      {"files", image.files}});
  Json document = {{"added", difference.added},
                   {"removed", difference.removed},
                   {"changed", std::move(changed)},
                   {"same", difference.same},
                   {"inside", std::move(inside)}};
  if (compared.blobs)
    document.update({{"newBlobs", difference.new_blobs},
                     {"newBytes", difference.new_bytes},
                     {"goneBlobs", difference.gone_blobs},
                     {"goneBytes", difference.gone_bytes}});
  return document;
}

std::string inside_text(const std::string& source, const std::vector<review::ImageDifference>& images) {
  std::string text;
  for (const auto& image : images) {
    if (image.source != source) continue;
    if (image.before != source) text += fmt::format("    in the place of {}\n", printable(image.before));
    for (const auto* lines : {&image.settings, &image.packages, &image.files})
      for (const std::string& line : *lines) text += fmt::format("    {}\n", line);
  }
  return text;
}

std::string to_text(const Compared& compared) {
  const records::Difference& difference = compared.difference;
  std::string text;
  for (const auto& source : difference.removed) text += fmt::format("- {}\n", printable(source));
  for (const auto& source : difference.added)
    text += fmt::format("+ {}\n{}", printable(source), inside_text(source, compared.images));
  for (const auto& [source, digests] : difference.changed)
    text += fmt::format("~ {}\n    {}\n    {}\n{}", printable(source), digests.first.str(), digests.second.str(),
                        inside_text(source, compared.images));
  text += fmt::format("{} added, {} removed, {} changed, {} the same\n", count_of(difference.added.size(), "image"),
                      difference.removed.size(), difference.changed.size(), difference.same);
  if (compared.blobs)
    text += fmt::format("{}, {}; {} gone, {}\n", count_of(difference.new_blobs, "new blob"),
                        human_size(difference.new_bytes), count_of(difference.gone_blobs, "blob"),
                        human_size(difference.gone_bytes));
  return text;
}

/// What is inside of images is in bundles only.
std::vector<review::ImageDifference> look_inside(const DiffOptions& options, bool bundles, Reporter& reporter) {
  if (!bundles && (options.packages || options.files))
    throw Error(ErrorCode::usage, "--packages and --files look into images, which only bundles hold")
        .hint("compare two bundles");
  if (!bundles) return {};
  const unsigned jobs = options.jobs == 0 ? processors() : options.jobs;
  const auto open = [&](const std::string& file) {
    flow::VerifyRequest request;
    request.bundle = file;
    request.volumes = options.volumes.places();
    request.jobs = jobs;
    request.blobs = bundle::BlobCheck::on_read;
    return flow::open_for_review(request, std::nullopt, reporter);
  };
  const auto before = open(options.before);
  const auto after = open(options.after);
  return review::compare_images(*before.content, *after.content,
                                {options.packages, options.files, {jobs, nullptr}, nullptr}, reporter);
}

bool is_registry(const std::string& side) { return side.starts_with(registry_scheme); }

records::Inventory read_side(const DiffOptions& options, const std::string& side, const std::string& other,
                             Reporter& reporter) {
  if (!is_registry(side)) return flow::read_inventory(side, options.volumes.places());
  TargetOptions target = options.target;
  target.registry = side.substr(registry_scheme.size());
  flow::RegistryInventoryRequest request{.place = target.location(), .client = target.client(), .other = other};
  request.client.only_reads = true;
  request.volumes = options.volumes.places();
  request.naming.mapping = options.naming.mapping();
  request.naming.files = true;
  request.jobs = options.jobs;
  return flow::registry_inventory(request, reporter);
}

/// Files go into a registry only where they are asked for: one without them lacks nothing.
void forget_absent_files(records::Inventory& side, const records::Inventory& registry) {
  if (registry.kind != records::InventoryKind::registry) return;
  std::erase_if(side.images, [&](const auto& image) {
    return !registry.images.contains(image.first) && records::is_made_here(oci::Reference::parse(image.first));
  });
}

void run(const DiffOptions& options, GlobalOptions& global) {
  Reporter reporter(global.reporter());
  if (is_registry(options.before) && is_registry(options.after))
    throw Error(ErrorCode::usage, "two registries have no list of images that they could be compared by")
        .hint("compare one of them with a bundle, a lock file or a receipt");
  if (!is_registry(options.before) && !is_registry(options.after) &&
      (options.naming.mapping() || options.target.insecure || !options.target.login.username.empty()))
    throw Error(ErrorCode::usage,
                "--map, --map-file, --insecure and --username are about a registry, and none is named")
        .hint("name it as docker://HOST[:PORT][/PREFIX] in the place of OLD or NEW");
  auto before = read_side(options, options.before, options.after, reporter);
  auto after = read_side(options, options.after, options.before, reporter);
  forget_absent_files(before, after);
  forget_absent_files(after, before);
  const auto is = [&](records::InventoryKind kind) { return before.kind == kind || after.kind == kind; };
  Compared compared{records::compare(before, after), !is(records::InventoryKind::registry), {}};
  const bool bundles = before.kind == records::InventoryKind::bundle && after.kind == records::InventoryKind::bundle;
  compared.images = look_inside(options, bundles, reporter);
  reporter.note(fmt::format("NOT VERIFIED: these are the claims of the {} and the {}", to_string(before.kind),
                            to_string(after.kind)));
  print(global.json() ? pretty_json(to_json(compared)) + "\n" : to_text(compared));
  if (options.exit_code && !compared.difference.empty()) global.status = static_cast<int>(ErrorCode::different);
}

}  // namespace

void add_diff(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<DiffOptions>();
  verb.add_option("OLD", options->before, "A bundle, a lock file, a receipt, or docker://HOST[:PORT][/PREFIX]")
      ->required();
  verb.add_option("NEW", options->after, "Another one")->required();
  verb.add_flag("--packages", options->packages, "Of two bundles: software that changed in images");
  verb.add_flag("--files", options->files, "Of two bundles: files that changed in images");
  verb.add_flag("--exit-code", options->exit_code, "Exit with status 10 where images differ");
  add_jobs(verb, options->jobs);
  options->volumes.add_to(verb);
  options->naming.add_to(verb, "The rules that a registry's names were made by (default: as the bundle was made for)");
  options->target.add_connection(verb);
  global.add_to(verb);
  verb.footer(
      "Examples:\n  airlock diff may.tar june.tar --packages\n  airlock diff docker://registry.local:5000/kubernetes "
      "june.tar --cacert ca.pem");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
