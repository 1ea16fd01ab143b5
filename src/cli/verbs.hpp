// SPDX-License-Identifier: Apache-2.0
// The verbs: one source file and one row of the table (verbs.cpp) each.
#pragma once

#include <CLI/CLI.hpp>
#include <span>

#include "cli/options.hpp"

namespace airlock::cli {

struct Verb {
  const char* name;
  const char* group;  ///< heading in --help
  const char* help;   ///< one line
  /// Adds the options and the callback that does the work. `global` outlives the callback.
  void (*add)(CLI::App& verb, GlobalOptions& global);
};

/// In the order of --help.
std::span<const Verb> verbs();

void add_approve(CLI::App& verb, GlobalOptions& global);
void add_check(CLI::App& verb, GlobalOptions& global);
void add_completion(CLI::App& verb, GlobalOptions& global);
void add_config(CLI::App& verb, GlobalOptions& global);
void add_diff(CLI::App& verb, GlobalOptions& global);
void add_export(CLI::App& verb, GlobalOptions& global);
void add_extract(CLI::App& verb, GlobalOptions& global);
void add_help(CLI::App& verb, GlobalOptions& global);
void add_import(CLI::App& verb, GlobalOptions& global);
void add_inspect(CLI::App& verb, GlobalOptions& global);
void add_keygen(CLI::App& verb, GlobalOptions& global);
void add_list(CLI::App& verb, GlobalOptions& global);
void add_merge(CLI::App& verb, GlobalOptions& global);
void add_policy(CLI::App& verb, GlobalOptions& global);
void add_prune(CLI::App& verb, GlobalOptions& global);
void add_pubkey(CLI::App& verb, GlobalOptions& global);
void add_reject(CLI::App& verb, GlobalOptions& global);
void add_report(CLI::App& verb, GlobalOptions& global);
void add_resolve(CLI::App& verb, GlobalOptions& global);
void add_sbom(CLI::App& verb, GlobalOptions& global);
void add_set(CLI::App& verb, GlobalOptions& global);
void add_sign(CLI::App& verb, GlobalOptions& global);
void add_sign_release(CLI::App& verb, GlobalOptions& global);
void add_split(CLI::App& verb, GlobalOptions& global);
void add_stick(CLI::App& verb, GlobalOptions& global);
void add_verify(CLI::App& verb, GlobalOptions& global);
void add_verify_receipt(CLI::App& verb, GlobalOptions& global);
void add_verify_release(CLI::App& verb, GlobalOptions& global);

}  // namespace airlock::cli
