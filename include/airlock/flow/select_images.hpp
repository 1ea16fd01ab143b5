// SPDX-License-Identifier: Apache-2.0
// From what a person names (versions, clusters, manifests, files) to the set of images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/registry/types.hpp"

namespace airlock::flow {

/// Where kubeadm's constants of a version are; `{version}` is v1.29.4.
inline constexpr const char* kubeadm_constants_url =
    "https://raw.githubusercontent.com/kubernetes/kubernetes/{version}/cmd/kubeadm/app/constants/constants.go";

/// What becomes of texts in manifests that only look like images.
enum class Suspects {
  list,  ///< each has a line in a warning
  take   ///< those that are references are in the set
};

struct ImageSelection {
  kubeone::SelectionRequest request;             ///< its clusters are filled in from `clusters`
  std::vector<std::filesystem::path> clusters;   ///< KubeOneCluster manifests
  std::vector<std::filesystem::path> manifests;  ///< Kubernetes YAML to take images from; `-`: standard input
  Suspects suspects = Suspects::list;
  bool embedded_manifests = false;                 ///< also manifests inside ConfigMaps and Secrets
  std::vector<std::filesystem::path> image_files;  ///< one reference per line
  std::string look_up_url;                         ///< for versions that are not in the catalog; empty: an Error
  registry::ClientOptions client;                  ///< for looking up
};

/// Looks up versions that `catalog` lacks, where that is wanted, and adds them to it. An Error (code `selection`, or
/// `registry` from looking up).
kubeone::ImageSet select_images(kubeone::Catalog& catalog, const ImageSelection& selection, Reporter& reporter);

}  // namespace airlock::flow
