// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "airlock/trust/policy.hpp"
#include "trust/assignment.hpp"

namespace airlock::trust {

/// What each of the policy's keys has signed; fails as Policy::authenticate describes.
Signers find_signers(const PolicyContent& policy, const SignedText& content, const std::vector<Signature>& signatures);

/// Which signers meet which requirement. An Error (code `trust`) names the first requirement, `at`.require[i], that is
/// not met, and why.
Assignment meet(const std::string& at, const std::vector<Requirement>& requirements, const Signers& signers,
                const std::vector<std::string>& files);

/// The approval that meets a requirement of one, where the signer has made it: its place in `approvals`.
std::optional<std::size_t> find_approval(const Signer& signer, const Requirement& requirement);

}  // namespace airlock::trust
