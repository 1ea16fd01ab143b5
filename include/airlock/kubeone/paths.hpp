// SPDX-License-Identifier: Apache-2.0
// The names under which a cluster requests an image from the local registry.
#pragma once

#include <string>
#include <vector>

#include "airlock/kubeone/name_mapping.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::kubeone {

/// A repository (below the registry and its prefix) and a tag.
struct TargetPath {
  oci::Repository repository;
  oci::Tag tag;
  std::string str() const;
  auto operator<=>(const TargetPath&) const = default;
};

/// The paths that consumers request, after the mapping. `overwriteRegistry` drops the source's host and keeps user and
/// organisation (KubeOne pkg/apis/kubeone/v1beta2/types.go, RegistryConfiguration). CoreDNS has two: kubeadm with a
/// custom repository asks for `coredns:TAG` (1.21: `coredns/coredns:TAG`), containerd mirrors for the upstream path
/// (KubeOne pkg/images/util.go, retagImage). A reference without a tag has its digest's first digits as tag, because a
/// registry may drop what no tag holds.
std::vector<TargetPath> target_paths(const oci::Reference& image, const NameMapping& mapping);

/// Names that several references get: an export takes these only where they are one image. "A and B both become C".
std::vector<std::string> shared_names(const std::vector<oci::Reference>& images, const NameMapping& mapping);

}  // namespace airlock::kubeone
