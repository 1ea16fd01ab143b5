// SPDX-License-Identifier: Apache-2.0
#include "flow/found_images.hpp"

#include <fmt/format.h>

#include "airlock/base/text.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::flow {

/// What a manifest names but for sure images: each has a line.
void tell_found(const kubeone::FoundImages& found, Suspects suspects, Reporter& reporter) {
  if (!found.unreadable.empty())
    reporter.warning(fmt::format("{} no YAML, as it stands, and {} searched line by line:\n  {}",
                                 count_of(found.unreadable.size(), "document is", "documents are"),
                                 found.unreadable.size() == 1 ? "was" : "were", join(found.unreadable, "\n  ")));
  if (!found.unresolved.empty())
    reporter.warning(fmt::format("only rendering tells {} (helm template, kubectl kustomize):\n  {}",
                                 count_of(found.unresolved.size(), "image"), join(found.unresolved, "\n  ")));
  std::vector<std::string> hub;
  for (const auto& [image, where] : found.images) {
    const auto reference = oci::Reference::find(image);
    if (reference && !image.starts_with(reference->registry.str()))
      hub.push_back(fmt::format("{}: {} is {}", where, image, reference->str()));
  }
  if (!hub.empty())
    reporter.note(fmt::format("{} no registry, and so Docker Hub, as container runtimes read them:\n  {}",
                              count_of(hub.size(), "image names", "images name"), join(hub, "\n  ")));
  std::vector<std::string> left;
  for (const kubeone::Suspect& suspect : found.suspects)
    if (suspects == Suspects::list || !suspect.is_reference)
      left.push_back(fmt::format("{}: {} ({})", suspect.where, suspect.text, suspect.why));
  if (!left.empty())
    reporter.warning(fmt::format(
        "{} like an image, and {} not taken (--take-suspects takes all that are references; "
        "--image takes one):\n  {}",
        count_of(left.size(), "text looks", "texts look"), left.size() == 1 ? "is" : "are", join(left, "\n  ")));
}

std::vector<std::pair<std::string, std::string>> taken_images(const kubeone::FoundImages& found, Suspects suspects) {
  std::vector<std::pair<std::string, std::string>> taken(found.images.begin(), found.images.end());
  if (suspects == Suspects::take)
    for (const kubeone::Suspect& suspect : found.suspects)
      if (suspect.is_reference) taken.emplace_back(suspect.text, suspect.where);
  return taken;
}

}  // namespace airlock::flow
