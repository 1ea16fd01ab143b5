// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/verify.hpp"

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/bundle/layers.hpp"

namespace airlock::flow {

std::filesystem::path state_directory(const VerifyRequest& request) {
  return request.state_directory.empty() ? trust::ImportState::default_directory() : request.state_directory;
}

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter) {
  if (!policy.needs_import_state()) return verify_bundle(request, policy, {}, reporter);
  const auto state = trust::ImportState::open_to_read(state_directory(request));
  return verify_bundle(request, policy, state.last_imports(), reporter);
}

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy,
                                     const std::map<std::string, trust::LastImport>& last_imports, Reporter& reporter) {
  bundle::VerifyOptions options;
  options.jobs = request.jobs;
  options.blobs = request.blobs;
  options.circumstances = {clock_time(), request.stream, last_imports};
  for (const auto& file : request.signature_files)
    options.sidecars.push_back({file.string(), read_file(file, bundle::region_size)});
  auto medium = bundle::open_medium(request.bundle, request.volumes);
  if (request.past_cache)
    reporter.note(medium->drop_from_cache()
                      ? "reading from the medium, past the page cache"
                      : "reading what the page cache holds too: this file system does not let go of it");
  return within([&] { return request.bundle.string(); },
                [&] {
                  auto bundle = bundle::verify(std::move(medium), policy, options, reporter);
                  if (request.layers) bundle::check_layers(bundle, request.jobs, reporter);
                  return bundle;
                });
}

}  // namespace airlock::flow
