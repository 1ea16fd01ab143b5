// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/paths.hpp"

#include <fmt/format.h>

namespace airlock::kubeone {

std::string TargetPath::str() const { return fmt::format("{}:{}", repository.str(), tag.str()); }

std::vector<TargetPath> target_paths(const oci::Reference& image) {
  const oci::Tag tag = image.tag ? *image.tag : oci::Tag::parse("sha256-" + image.digest->short_hex());
  std::vector<TargetPath> paths{{image.repository, tag}};
  if (image.registry == "registry.k8s.io" || image.registry == "k8s.gcr.io") {
    if (image.repository == "coredns/coredns") paths.push_back({oci::Repository::parse("coredns"), tag});
    if (image.repository == "coredns") paths.push_back({oci::Repository::parse("coredns/coredns"), tag});
  }
  return paths;
}

}  // namespace airlock::kubeone
