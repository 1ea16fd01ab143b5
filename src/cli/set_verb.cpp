// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/findings.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/pack_files.hpp"
#include "airlock/kubeone/image_list.hpp"
#include "airlock/kubeone/paths.hpp"
#include "cli/source_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

/// Files and charts of this machine.
void check_local(const SourceOptions& source, Findings& findings, Reporter& reporter) {
  std::vector<flow::FileToPack> named;
  for (const std::string& file : source.files)
    findings.check([&] {
      const auto to_pack = flow::FileToPack::parse(file);
      named.push_back(to_pack);
      if (to_pack.is_url()) return;
      if (!std::filesystem::is_regular_file(to_pack.location))
        throw Error(ErrorCode::media, fmt::format("files: {}: {} is no file", to_pack.name, to_pack.location))
            .hint("paths are relative to the set file");
      transfer::MadeContent made;  // what would be carried is compared with its digest
      flow::pack_files({to_pack}, {}, {}, made, reporter);
    });
  findings.check([&] { flow::check_names(named); });
  findings.check([&] {
    for (const kubeone::HelmRelease& release : source.selection.releases(true))
      if (release.chart_url.empty() && release.repo_url.empty() && !std::filesystem::exists(release.chart))
        throw Error(ErrorCode::selection, fmt::format("{}: {} is not here", release.origin, release.chart))
            .hint("paths of local charts are relative to the set file, those of a manifest to where kubeone runs");
  });
}

/// What may be missing has to be asked for: else it is a mistake in one of the two.
void check_missing(const SourceOptions& source, const kubeone::ImageSet& set) {
  if (!source.selection.releases(true).empty()) return;  // their images are not known yet
  for (const std::string& word : source.allow_missing)
    if (word != "all" && !set.images.contains(oci::Reference::parse(word)))
      throw Error(ErrorCode::selection, fmt::format("allowMissing: {} is no image of the set", word))
          .hint("correct the reference, or remove the line");
}

/// References and files that a selection would stop at one by one; false where there is such a mistake.
bool check_images(const SourceOptions& source, Findings& findings) {
  const std::size_t before = findings.count();
  for (const std::string& image : source.selection.images)
    findings.check([&] {
      within([] { return std::string("images"); },
             [&] { static_cast<void>(oci::Reference::parse(kubeone::without_transport(image))); });
    });
  for (const auto* files : {&source.selection.image_files, &source.selection.manifests, &source.selection.clusters})
    for (const auto& file : *files)
      if (file != "-" && !std::filesystem::exists(file))
        findings.check([&] {
          throw Error(ErrorCode::media, file.string() + " is not here").hint("paths are relative to the set file");
        });
  return findings.count() == before;
}

/// All that can be known without a registry: each mistake at once.
kubeone::ImageSet check_set(const SourceOptions& source, const std::string& stream, Reporter& reporter) {
  Findings findings;
  kubeone::ImageSet set;
  check_local(source, findings, reporter);
  findings.check([&] { static_cast<void>(source.naming.mapping()); });
  findings.check([&] { static_cast<void>(oci::PlatformSelection::parse(source.platforms)); });
  for (const std::string& word : source.allow_missing)
    if (word != "all") findings.check([&] { static_cast<void>(oci::Reference::parse(word)); });
  const bool readable = check_images(source, findings);
  findings.check([&] { flow::check_stream(stream); });
  const bool only_made = !source.selection.any() && !(source.files.empty() && source.selection.declared_charts.empty());
  if (!only_made && readable)
    findings.check([&] {
      auto catalog = source.selection.catalog();
      set = source.selection.select(catalog, reporter);
    });
  if (findings.empty()) findings.check([&] { check_missing(source, set); });
  findings.conclude();
  warn_of_shared_names(set, source.naming, reporter);
  return set;
}

void check_set(const std::string& file, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  SourceOptions options;
  options.set_file = file;
  const flow::DeclaredSet declared = *options.declared();
  const SourceOptions source = options.with(declared, reporter);
  const kubeone::ImageSet set =
      within([&] { return file; },
             [&] { return check_set(source, declared.stream.empty() ? "default" : declared.stream, reporter); });
  const auto charts = source.selection.releases(true);
  if (global.json())
    return print_json({{"set", file},
                       {"kubeone", set.kubeone},
                       {"kubernetesVersions", set.kubernetes_versions},
                       {"images", set.images.size()},
                       {"charts", charts.size()},
                       {"files", source.files.size()},
                       {"platforms", source.platforms},
                       {"stream", declared.stream}});
  std::string text = fmt::format("{}: valid\n", file);
  if (!set.images.empty())
    text += fmt::format("  images     {}{}\n", count_of(set.images.size(), "image"),
                        set.kubeone.empty() ? "" : ", " + describe_versions(set.kubeone, set.kubernetes_versions));
  if (!charts.empty()) text += fmt::format("  charts     {}, and their images\n", count_of(charts.size(), "chart"));
  if (!source.files.empty()) text += fmt::format("  files      {}\n", count_of(source.files.size(), "file"));
  text += fmt::format("  platforms  {}\n", join(source.platforms, ", "));
  if (!declared.stream.empty()) text += fmt::format("  stream     {}\n", declared.stream);
  if (!source.naming.rules.empty()) text += fmt::format("  names      {}\n", join(source.naming.rules, ", "));
  print(text);
  reporter.note(
      fmt::format("Next: airlock list -f {0}, then airlock export -f {0} --key KEY -o BUNDLE", shell_word(file)));
}

}  // namespace

void add_set(CLI::App& verb, GlobalOptions& global) {
  verb.require_subcommand(1);
  auto* check = verb.add_subcommand("check", "Say what a declared set has, and find mistakes in it");
  const auto file = std::make_shared<std::string>();
  check->add_option("FILE", *file, "The set (docs/sets.md)")->required();
  global.add_to(*check);
  check->footer("Example:\n  airlock set check airlock.yaml");
  check->callback([=, &global] { check_set(*file, global); });
}

}  // namespace airlock::cli
