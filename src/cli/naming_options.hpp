// SPDX-License-Identifier: Apache-2.0
// `--map` and `--map-file`: names inside.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/flow/naming.hpp"
#include "airlock/kubeone/selection.hpp"

namespace airlock::cli {

struct NamingOptions {
  std::vector<std::string> rules;
  std::vector<std::filesystem::path> files;

  void add_to(CLI::App& verb, const std::string& help);
  /// Nothing where no rule is given.
  std::optional<kubeone::NameMapping> mapping() const;
  /// As they are typed again, for the next command, with a space before each.
  std::string words() const;
};

/// Says which names several images of a set would get.
void warn_of_shared_names(const kubeone::ImageSet& set, const NamingOptions& naming, Reporter& reporter);

}  // namespace airlock::cli
