// SPDX-License-Identifier: Apache-2.0
// Shared by sign and approve.
#pragma once

#include <string>

#include "airlock/flow/sign.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

struct SignVerbOptions {
  std::string bundle;
  SigningOptions signing;
  std::string verified;
  std::string sidecar;
  unsigned jobs = 2;
  VolumePlaceOptions volumes;

  void add_to(CLI::App& verb);
  flow::SignRequest request() const;
};

/// "BUNDLE: checked, and approved by bob, SHA256:..., in signatures/bob.approval.sigstore.json".
void print_signed(const SignVerbOptions& options, const flow::SignRequest& request, const flow::SignResult& result,
                  const trust::PublicKey& key, const std::string& deed, const GlobalOptions& global);

}  // namespace airlock::cli
