// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/check.hpp"

#include "airlock/transfer/pace.hpp"
#include "flow/destinations.hpp"

namespace airlock::flow {

transfer::CheckSummary check_registry(const CheckRequest& request, const trust::Policy& policy, Reporter& reporter) {
  VerifyRequest verify = request.verify;
  verify.target = request.target;
  verify.blobs = bundle::BlobCheck::on_read;  // the registry is asked for digests; no content is needed
  const bundle::VerifiedBundle bundle = verify_bundle(verify, policy, reporter);
  registry::Client client(request.client, reporter);
  client.reach(request.target.host);
  return transfer::check(client, bundle, destinations_of(bundle.metadata(), request.target),
                         transfer::pace(client, {request.target.host}, request.jobs).jobs, reporter);
}

}  // namespace airlock::flow
