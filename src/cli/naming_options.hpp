// SPDX-License-Identifier: Apache-2.0
// `--map` and `--map-file`: names inside.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "airlock/flow/naming.hpp"

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

}  // namespace airlock::cli
