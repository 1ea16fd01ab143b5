// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/verify.hpp"

#include "airlock/base/file.hpp"

namespace airlock::flow {

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter) {
  bundle::VerifyOptions options;
  options.jobs = request.jobs;
  for (const auto& file : request.signature_files)
    options.sidecars.push_back({file.string(), read_file(file, 64U << 10)});
  return bundle::verify(bundle::open_medium(request.bundle), policy, options, reporter);
}

}  // namespace airlock::flow
