// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/verify.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/layers.hpp"
#include "airlock/flow/naming.hpp"
#include "flow/clashes.hpp"

namespace airlock::flow {

std::optional<std::filesystem::path> state_directory(const VerifyRequest& request) {
  if (!request.state_directory.empty()) return request.state_directory;
  return records::ImportState::default_directory();
}

std::filesystem::path needed_state_directory(const VerifyRequest& request) {
  if (auto directory = state_directory(request)) return *directory;
  throw Error(ErrorCode::usage, "neither XDG_STATE_HOME nor HOME says where to remember imports")
      .hint("name a directory with --state-dir");
}

bundle::VerifiedBundle verify_content(std::shared_ptr<const bundle::ReadableMedium> medium, const trust::Policy& policy,
                                      const bundle::VerifyOptions& options, Reporter& reporter) {
  auto bundle = bundle::verify(std::move(medium), policy, options, reporter);
  refuse_name_clashes(bundle.metadata().images, NamingRequest().of(bundle.metadata()).mapping, ErrorCode::format,
                      clash_in_bundle);
  return bundle;
}

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy, Reporter& reporter) {
  if (!policy.needs_import_state()) return verify_bundle(request, policy, {}, reporter);
  const auto state = records::ImportState::open_to_read(needed_state_directory(request));
  return verify_bundle(request, policy, state.last_imports(), reporter);
}

namespace {

void tell(const bundle::LayerCheck& check, Reporter& reporter) {
  std::string text = count_of(check.unpacked, "layer") + " unpacked and compared";
  if (check.artifacts > 0)
    text += fmt::format("; {} of signatures, attestations and other artifacts, which no node unpacks",
                        count_of(check.artifacts, "manifest"));
  if (check.elsewhere > 0)
    text += fmt::format("; {} not compared, because another bundle carries part of the image",
                        count_of(check.elsewhere, "layer"));
  reporter.note(text);
}

}  // namespace

bundle::VerifiedBundle verify_bundle(const VerifyRequest& request, const trust::Policy& policy,
                                     const trust::LastImports& last_imports, Reporter& reporter) {
  bundle::VerifyOptions options;
  options.jobs = request.jobs;
  options.blobs = request.blobs;
  options.keep_documents = request.keep_documents;
  options.circumstances = {clock_time(), request.stream, request.target, last_imports};
  for (const auto& file : request.signature_files)
    options.sidecars.push_back({file.string(), read_file(file, bundle::region_size)});
  auto medium = bundle::open_medium(request.bundle, request.volumes);
  if (request.past_cache)
    reporter.note(medium->drop_from_cache()
                      ? "reading from the medium, past the page cache"
                      : "reading what the page cache holds too: this file system does not let go of it");
  return within([&] { return request.bundle.string(); },
                [&] {
                  auto bundle = verify_content(std::move(medium), policy, options, reporter);
                  if (request.layers) tell(bundle::check_layers(bundle, request.jobs, reporter), reporter);
                  return bundle;
                });
}

}  // namespace airlock::flow
