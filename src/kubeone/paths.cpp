// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/paths.hpp"

#include <fmt/format.h>

#include <map>

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

std::vector<std::string> shared_names(const std::vector<oci::Reference>& images, const NameMapping& mapping) {
  std::map<std::string, const oci::Reference*> by_name;
  std::vector<std::string> shared;
  for (const oci::Reference& image : images)
    for (const TargetPath& path : target_paths(image, mapping))
      if (const auto [other, added] = by_name.emplace(path.str(), &image); !added && *other->second != image)
        shared.push_back(fmt::format("{} and {} both become {}", other->second->str(), image.str(), path.str()));
  return shared;
}

}  // namespace airlock::kubeone
