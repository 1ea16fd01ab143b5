// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/paths.hpp"

#include <fmt/format.h>

namespace airlock::kubeone {

std::string TargetPath::str() const { return fmt::format("{}:{}", repository.str(), tag.str()); }

std::vector<TargetPath> target_paths(const oci::Reference& image, const NameMapping& mapping) {
  const oci::Tag tag = image.tag ? *image.tag : oci::Tag::parse("sha256-" + image.digest->short_hex());
  std::vector<oci::Repository> repositories{image.repository};
  if (image.registry == "registry.k8s.io" || image.registry == "k8s.gcr.io") {
    if (image.repository == "coredns/coredns") repositories.push_back(oci::Repository::parse("coredns"));
    if (image.repository == "coredns") repositories.push_back(oci::Repository::parse("coredns/coredns"));
  }
  std::vector<TargetPath> paths;
  for (const oci::Repository& repository : repositories)
    paths.push_back({mapping.map(image.registry, repository), tag});
  return paths;
}

}  // namespace airlock::kubeone
