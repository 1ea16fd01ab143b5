// SPDX-License-Identifier: Apache-2.0
#include "cli/stick_options.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"

namespace airlock::cli {

void StickOptions::add_to(CLI::App& verb, const std::string& name) {
  const std::string group = "Stick";
  verb.add_option(name, release,
                  "An unpacked release of airlock: it is copied beside the bundle, with a page of instructions")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIRECTORY")
      ->group(group);
  verb.add_option("--release-key", release_key, "Public key of airlock's makers, who must have signed the release")
      ->type_name("PUB")
      ->group(group);
}

flow::StickRequest StickOptions::request(const std::filesystem::path& bundle,
                                         const bundle::VolumePlaces& volumes) const {
  flow::StickRequest request{bundle, volumes, release, std::nullopt, std::nullopt};
  if (!release_key.empty() && release.empty())
    throw Error(ErrorCode::usage, "--release-key is given, but no release").hint("name the release's directory");
  if (!release_key.empty())
    request.release_key = trust::PublicKey::from_text(read_file(release_key, trust::max_key_file), release_key);
  return request;
}

void StickOptions::note(Reporter& reporter) const {
  if (!release.empty() && release_key.empty())
    reporter.note("the release's signature was not checked: --release-key PUB does");
}

std::string stick_text(const flow::StickResult& result) {
  return fmt::format("{}: written\n{}", result.page.string(),
                     result.release.empty() ? "" : fmt::format("{}: copied and read back\n", result.release.string()));
}

}  // namespace airlock::cli
