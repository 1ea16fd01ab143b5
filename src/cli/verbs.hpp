// SPDX-License-Identifier: Apache-2.0
// Each verb adds its subcommand; the subcommand's callback does the work. One source file per verb.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/options.hpp"

namespace airlock::cli {

void add_approve(CLI::App& app, Conduct& conduct);
void add_check(CLI::App& app, Conduct& conduct);
void add_config(CLI::App& app, Conduct& conduct);
void add_export(CLI::App& app, Conduct& conduct);
void add_import(CLI::App& app, Conduct& conduct);
void add_inspect(CLI::App& app, Conduct& conduct);
void add_keygen(CLI::App& app, Conduct& conduct);
void add_list(CLI::App& app, Conduct& conduct);
void add_policy(CLI::App& app, Conduct& conduct);
void add_pubkey(CLI::App& app, Conduct& conduct);
void add_sign(CLI::App& app, Conduct& conduct);
void add_diff(CLI::App& app, Conduct& conduct);
void add_merge(CLI::App& app, Conduct& conduct);
void add_resolve(CLI::App& app, Conduct& conduct);
void add_split(CLI::App& app, Conduct& conduct);
void add_verify_receipt(CLI::App& app, Conduct& conduct);
void add_verify(CLI::App& app, Conduct& conduct);

}  // namespace airlock::cli
