// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/verify.hpp"

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/bundle/layers.hpp"

namespace airlock::flow {

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter) {
  bundle::VerifyOptions options;
  options.jobs = request.jobs;
  for (const auto& file : request.signature_files)
    options.sidecars.push_back({file.string(), read_file(file, 64U << 10)});
  auto medium = bundle::open_medium(request.bundle);
  return within([&] { return request.bundle.string(); },
                [&] {
                  auto bundle = bundle::verify(std::move(medium), policy, options, reporter);
                  const auto& expires = bundle.metadata().expires;
                  if (expires && current_time() > *expires)
                    throw Error(ErrorCode::policy, Side::bundle, "it expired on " + format_time(*expires))
                        .hint("ask its exporter for a new one");
                  if (request.layers) bundle::check_layers(bundle, request.jobs, reporter);
                  return bundle;
                });
}

}  // namespace airlock::flow
