// SPDX-License-Identifier: Apache-2.0
#include "cli/review_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::cli {

namespace {

/// Of an image without an index. Nothing where a delta does not carry the config.
std::optional<oci::Platform> platform_of_config(const bundle::BundleContent& bundle,
                                                const review::PlatformImage& image) {
  const auto& config = image.manifest->content->config;
  if (!config || bundle.is_in_base(config->to->digest)) return std::nullopt;
  return bundle.config(config->to->digest).platform;
}

}  // namespace

void ReviewOptions::add_to(CLI::App& verb) {
  verb.add_option("BUNDLE", bundle, "The bundle")->required();
  trust.add_to(verb);
}

flow::OpenedBundle ReviewOptions::open(Reporter& reporter, bundle::BlobCheck blobs) const {
  flow::VerifyRequest request;
  request.bundle = bundle;
  trust.apply(request);
  request.jobs = processors();
  request.blobs = blobs;
  const bool checked = !trust.key_file.empty() || !trust.policy_file.empty();
  return flow::open_for_review(request, checked ? std::optional(trust.policy()) : std::nullopt, reporter);
}

void LayerOptions::add_to(CLI::App& verb) {
  verb.add_flag("--cache", cache,
                "Remember in the state directory what layers hold; a layer that is remembered is not read again");
  add_jobs(verb, jobs);
}

review::InventoryOptions LayerOptions::inventory(const review::InventoryCache* known) const {
  return {jobs == 0 ? processors() : jobs, known};
}

std::unique_ptr<review::InventoryCache> LayerOptions::open_cache(const TrustOptions& trust) const {
  if (!cache) return nullptr;
  flow::VerifyRequest request;
  trust.apply(request);
  return std::make_unique<review::InventoryCache>(flow::needed_state_directory(request) / "layers");
}

void ImageChoice::add_to(CLI::App& verb) {
  verb.add_option("--image", images, "Only images of this reference; * stands for anything")
      ->allow_extra_args(false)
      ->type_name("REF");
  verb.add_option("--platform", platform, "Only this platform, e.g. linux/amd64")->type_name("OS/ARCH");
}

bool ImageChoice::takes(const records::Image& image) const {
  if (images.empty()) return true;
  const std::string name = image.source.str();
  return std::any_of(images.begin(), images.end(), [&](const std::string& text) {
    const auto reference = text.find('*') == std::string::npos ? oci::Reference::find(text) : std::nullopt;
    return reference ? reference->str() == name : glob_match(text, name);
  });
}

std::vector<review::PlatformImage> ImageChoice::platforms_of(const bundle::BundleContent& bundle) const {
  auto chosen = review::platform_images(bundle, [&](const records::Image& image) { return takes(image); });
  if (!platform.empty()) {
    const auto selection = oci::PlatformSelection::parse({platform});
    std::erase_if(chosen, [&](const review::PlatformImage& image) {
      const auto platform_of_image = image.platform ? image.platform : platform_of_config(bundle, image);
      return platform_of_image && !selection.wants(*platform_of_image);
    });
  }
  if (chosen.empty())
    throw Error(ErrorCode::usage, fmt::format("no image of the bundle is {}{}",
                                              images.empty() ? "one that nodes run" : printable(join(images, ", ")),
                                              platform.empty() ? "" : " for " + platform))
        .hint("see airlock inspect BUNDLE for what it has");
  return chosen;
}

}  // namespace airlock::cli
