// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

void run(const SelectionOptions& selection, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  auto catalog = selection.catalog();
  const auto set = selection.select(catalog, reporter);
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
  const auto selection = std::make_shared<SelectionOptions>();
  selection->add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock list --filter base --kubernetes-versions v1.29.4,v1.28.8");
  verb.callback([=, &global] { run(*selection, global); });
}

}  // namespace airlock::cli
