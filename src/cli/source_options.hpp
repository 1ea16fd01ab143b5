// SPDX-License-Identifier: Apache-2.0
// Image selection and source registries: shared by export and resolve.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "airlock/flow/declared_set.hpp"
#include "airlock/flow/export.hpp"
#include "cli/naming_options.hpp"
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
  std::vector<std::string> allow_missing;
  std::vector<std::string> files;
  NamingOptions naming;
  std::string set_file;
  std::optional<transfer::Pinned> pinned;
  flow::TargetKind target = flow::TargetKind::strict;

  void add_to(CLI::App& verb);
  /// Nothing where none is given.
  std::optional<flow::DeclaredSet> declared() const;
  /// These options, and where they say nothing, what the set file says. Options that override it are named.
  SourceOptions with(const flow::DeclaredSet& set, Reporter& reporter) const;
  /// What no registry has: made here, and named in the set.
  std::vector<kubeone::ExtraImage> pack(transfer::MadeContent& made, Reporter& reporter) const;
  /// The same for charts, which are fetched, and their images. With a lock file, those of clusters are not.
  std::vector<kubeone::ExtraImage> collect(transfer::MadeContent& made, bool locked, Reporter& reporter) const;
  /// Everything of a request that concerns the source: from the selection, or from a lock file.
  flow::ExportRequest request(Reporter& reporter, const std::string& lock_file = "") const;
};

}  // namespace airlock::cli
