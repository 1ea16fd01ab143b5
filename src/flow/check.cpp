// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/check.hpp"

#include <fmt/format.h>

#include "airlock/base/text.hpp"
#include "airlock/flow/missing.hpp"
#include "airlock/transfer/bundle_ports.hpp"
#include "airlock/transfer/copy.hpp"
#include "airlock/transfer/pace.hpp"
#include "flow/ask_for_all.hpp"
#include "flow/clashes.hpp"
#include "flow/destinations.hpp"
#include "flow/imported_content.hpp"
#include "flow/shortened.hpp"

namespace airlock::flow {

transfer::CheckSummary ask_for_all(registry::Client& client, const bundle::VerifiedBundle& bundle,
                                   const oci::Graph& graph, const std::vector<transfer::Destination>& destinations,
                                   unsigned jobs, Reporter& reporter) {
  transfer::BundleSource source(bundle);
  transfer::CheckTarget target(client, graph);
  transfer::CopyOptions options;
  options.jobs = jobs;
  transfer::copy(graph, destinations, source, target, options, reporter);
  return target.take(destinations);
}

transfer::CheckSummary check_registry(const CheckRequest& request, const trust::Policy& policy, Reporter& reporter) {
  VerifyRequest verify = request.verify;
  verify.target = request.target;
  verify.blobs = bundle::BlobCheck::on_read;  // the registry is asked for digests; no content is needed
  const bundle::VerifiedBundle bundle = verify_bundle(verify, policy, reporter);
  registry::Client client(request.client, reporter);
  client.reach(request.target.host);
  tell_missing(bundle.metadata().missing(), reporter);
  if (request.naming.mapping)  // with others than the import's, it would ask one name for two images
    refuse_name_clashes(bundle.metadata().images, *request.naming.mapping, ErrorCode::selection, clash_at_import);
  const ImportedContent content(bundle, request.types);
  const auto destinations = destinations_of(content.images(), request.target, request.naming.of(bundle.metadata()));
  auto summary = ask_for_all(client, bundle, content.graph(), destinations,
                             transfer::pace(client, {request.target.host}, request.jobs).jobs, reporter);
  const auto lost = what_is_lost(summary.derived, content.graph());
  if (!lost.empty())
    reporter.warning(fmt::format("{}:\n  {}\n{}", shortened_text, join(lost, "\n  "), shortened_remedy));
  summary.missing = bundle.metadata().missing();
  summary.derived.clear();  // they are the bundle's, which ends here
  return summary;
}

}  // namespace airlock::flow
