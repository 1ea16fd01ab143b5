// SPDX-License-Identifier: Apache-2.0
// Image selection and source registries: shared by export and resolve.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "airlock/flow/export.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

struct SourceOptions {
  SelectionOptions selection;
  LoginOptions login;
  TlsOptions tls;
  PatienceOptions patience;
  std::vector<std::string> platforms{"linux/amd64", "linux/arm64"};  // KubeOne's
  std::vector<std::string> mirrors;
  std::vector<std::string> insecure;
  unsigned jobs = 0;
  bool no_referrers = false;
  bool allow_missing_referrers = false;
  std::optional<transfer::Pinned> pinned;
  flow::TargetKind target = flow::TargetKind::strict;

  void add_to(CLI::App& verb);
  /// Everything of a request that concerns the source: from the selection, or from a lock file.
  flow::ExportRequest request(Reporter& reporter, const std::string& lock_file = "") const;
};

}  // namespace airlock::cli
