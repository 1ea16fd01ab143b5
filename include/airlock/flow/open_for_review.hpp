// SPDX-License-Identifier: Apache-2.0
// A bundle to look into: verified where somebody says by whose rules, else for what it is. Opens no socket.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "airlock/flow/verify.hpp"

namespace airlock::flow {

struct OpenedBundle {
  std::shared_ptr<const bundle::BundleContent> content;
  std::optional<trust::Evidence> evidence;  ///< nothing: nobody is known to vouch for it
  std::vector<trust::Claim> signatures;     ///< where they were not checked
  oci::Digest sums_digest = oci::sha256("");
  bool leftovers = false;  ///< of a signing that was interrupted

  const bundle::Metadata& metadata() const { return content->metadata(); }
};

/// With BlobCheck::on_read in `request`, blobs are checked as they are read: whoever reads few need not wait for all.
OpenedBundle open_for_review(const VerifyRequest& request, const std::optional<trust::Policy>& policy,
                             Reporter& reporter);

}  // namespace airlock::flow
