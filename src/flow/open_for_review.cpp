// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/open_for_review.hpp"

#include "airlock/base/file.hpp"

namespace airlock::flow {

OpenedBundle open_for_review(const VerifyRequest& request, const std::optional<trust::Policy>& policy,
                             Reporter& reporter) {
  OpenedBundle opened;
  if (policy) {
    auto bundle = std::make_shared<bundle::VerifiedBundle>(verify_bundle(request, *policy, reporter));
    opened.evidence = bundle->evidence();
    opened.sums_digest = bundle->evidence().signed_content();
    opened.content = std::move(bundle);
    return opened;
  }
  bundle::VerifyOptions options;
  options.jobs = request.jobs;
  options.blobs = request.blobs;
  auto bundle = within([&] { return request.bundle.string(); },
                       [&] {
                         return std::make_shared<bundle::UncheckedBundle>(bundle::read_unchecked(
                             bundle::open_medium(request.bundle, request.volumes), options, reporter));
                       });
  auto signatures = bundle->signatures();
  for (const auto& file : request.signature_files)
    signatures.push_back({file.string(), read_file(file, bundle::region_size)});
  opened.signatures = trust::unchecked_claims(signatures);
  opened.sums_digest = bundle->sums_digest();
  opened.leftovers = bundle->leftovers();
  opened.content = std::move(bundle);
  return opened;
}

}  // namespace airlock::flow
