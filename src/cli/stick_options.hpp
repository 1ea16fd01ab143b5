// SPDX-License-Identifier: Apache-2.0
// The release of airlock that is laid beside a bundle: shared by stick and export.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "airlock/flow/stick.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

struct StickOptions {
  std::string release;      ///< directory
  std::string release_key;  ///< public key

  void add_to(CLI::App& verb, const std::string& name);
  flow::StickRequest request(const std::filesystem::path& bundle, const bundle::VolumePlaces& volumes) const;
  /// Says where nobody has checked the release's signature.
  void note(Reporter& reporter) const;
};

/// "PAGE: written", and the copy.
std::string stick_text(const flow::StickResult& result);

}  // namespace airlock::cli
