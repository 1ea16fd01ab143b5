// SPDX-License-Identifier: Apache-2.0
#include "cli/naming_options.hpp"

#include <fmt/format.h>

#include "airlock/base/encoding.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/paths.hpp"

namespace airlock::cli {

namespace {

constexpr std::size_t max_map_file = 1U << 20;
constexpr const char* usual = "usual";

}  // namespace

void NamingOptions::add_to(CLI::App& verb, const std::string& help) {
  const std::string group = "Names inside";
  verb.add_option("--map", rules, help + ": keep-host, flatten:N, FROM=TO, or usual for none")
      ->allow_extra_args(false)
      ->type_name("RULE")
      ->group(group);
  verb.add_option("--map-file", files, "Rules in a file, one per line, # for comments")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
}

std::optional<kubeone::NameMapping> NamingOptions::mapping() const {
  std::vector<kubeone::NameMapping::Rule> all;
  for (const std::string& rule : rules) all.push_back({rule, "--map"});
  for (const auto& file : files)
    for (auto& rule : kubeone::NameMapping::rules_in(read_text(file, max_map_file), text_name(file)))
      all.push_back(std::move(rule));
  if (all.empty()) return std::nullopt;
  if (all.size() == 1 && all.front().text == usual) return kubeone::NameMapping();
  return kubeone::NameMapping::parse(all);
}

std::string NamingOptions::words() const {
  std::string words;
  for (const std::string& rule : rules) words += " --map " + shell_word(rule);
  for (const auto& file : files) words += " --map-file " + shell_word(file.string());
  return words;
}

void warn_of_shared_names(const kubeone::ImageSet& set, const NamingOptions& naming, Reporter& reporter) {
  std::vector<oci::Reference> images;
  for (const auto& [image, reason] : set.images) images.push_back(image);
  const auto shared = kubeone::shared_names(images, naming.mapping().value_or(kubeone::NameMapping()));
  if (!shared.empty())
    reporter.warning(fmt::format(
        "{} of several images in the local registry; an export refuses them unless they are the same image (--map "
        "keep-host keeps them apart):\n  {}",
        count_of(shared.size(), "name"), join(shared, "\n  ")));
}

}  // namespace airlock::cli
