// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/export.hpp"
#include "cli/source_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ListOptions {
  SourceOptions source;
  bool sizes = false;
  bool fetch_charts = false;
};

/// From the registries' manifests: what an export would transfer.
void print_sizes(const SourceOptions& source, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  const records::Lock lock = flow::resolve_lock(source.request(reporter), reporter);
  std::uint64_t total = 0;
  for (const auto& [digest, bytes] : lock.blobs) total += bytes;
  Json images = Json::array();
  std::string text;
  for (const auto& [image, platform_bytes, bytes] : lock.images) {
    images.push_back({{"source", image.source.str()}, {"bytes", bytes}, {"platforms", platform_bytes}});
    text += fmt::format("{:>10}  {}\n", human_size(bytes), image.source.str());
  }
  if (global.json()) return print_json({{"images", std::move(images)}, {"blobBytes", total}});
  print(text);
  reporter.note(fmt::format("{}, {} in all: layers that images share are carried once",
                            count_of(lock.images.size(), "image"), human_size(total)));
}

/// `list` asks nobody, unless it is told to.
void tell_charts(const std::vector<kubeone::HelmRelease>& releases, Reporter& reporter) {
  if (releases.empty()) return;
  std::vector<std::string> lines;
  for (const kubeone::HelmRelease& release : releases) lines.push_back(release.str());
  reporter.note(
      fmt::format("{} with an export, with the images in {}, which are not in this list (--fetch-charts "
                  "fetches them now):\n  {}",
                  count_of(releases.size(), "chart travels", "charts travel"), releases.size() == 1 ? "it" : "them",
                  join(lines, "\n  ")));
}

void run(const ListOptions& options, const GlobalOptions& global) {
  if (options.sizes) return print_sizes(options.source, global);
  Reporter reporter(global.reporter());
  const auto set_file = options.source.declared();
  const SourceOptions source = set_file ? options.source.with(*set_file, reporter) : options.source;
  const SelectionOptions& selection = source.selection;
  auto catalog = selection.catalog();
  transfer::MadeContent made;
  auto extras = source.pack(made, reporter);
  if (options.fetch_charts)
    for (auto& extra : source.collect(made, false, reporter)) extras.push_back(std::move(extra));
  else
    tell_charts(selection.releases(true), reporter);
  const auto set = selection.select(catalog, reporter, extras);
  // What an export would refuse for these options is said now.
  warn_of_shared_names(set, source.naming, reporter);
  static_cast<void>(oci::PlatformSelection::parse(source.platforms));
  if (global.json()) {
    Json images = Json::array();
    for (const auto& [image, reason] : set.images)
      images.push_back(
          {{"source", image.str()}, {"components", reason.components}, {"groups", reason.groups}, {"why", reason.why}});
    print_json({{"kubeone", set.kubeone},
                {"filters", set.filters},
                {"kubernetesVersions", set.kubernetes_versions},
                {"catalogDigest", catalog.digest().str()},
                {"images", std::move(images)}});
    return;
  }
  std::string text;
  for (const auto& [image, reason] : set.images) text += image.str() + "\n";
  print(text);
  for (const auto& [image, reason] : set.images)
    if (!reason.why.empty())
      reporter.note(fmt::format("  {}: {}", image.str(), join({reason.why.begin(), reason.why.end()}, "; ")));
  reporter.note(count_of(set.images.size(), "image") +
                (set.kubeone.empty() ? "" : ": " + describe_versions(set.kubeone, set.kubernetes_versions)));
}

}  // namespace

void add_list(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ListOptions>();
  options->source.add_to(verb);
  verb.add_flag("--sizes", options->sizes,
                "Ask the registries how large each image is, for the platforms of --platform");
  verb.add_flag("--fetch-charts", options->fetch_charts,
                "Fetch the charts of helmReleases and --chart, and list them and their images too");
  global.add_to(verb);
  verb.footer("Example:\n  airlock list --filter base --kubernetes-versions v1.29.4,v1.28.8");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
