// SPDX-License-Identifier: Apache-2.0
// From a request to the exact set of images. Semantics follow KubeOne's `mirror-images`
// (pkg/images/util.go, GetKubeoneImages), which docs/kubeone.md compares option by option.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "airlock/kubeone/catalog.hpp"

namespace airlock::kubeone {

/// What one cluster deploys, beside what every cluster of its Kubernetes version does; each with its reason.
struct ClusterRequest {
  std::string name;
  std::string kubernetes_version;
  std::map<std::string, std::string> addons;  ///< to the reason
  std::map<std::string, std::string> images;  ///< further references, to the reason
  bool hubble = true;                         ///< whether cni-cilium brings Hubble's images
  std::string sandbox_image;                  ///< instead of the release's
  std::string coredns_repository;             ///< kubeadm appends /coredns (features.coreDNS.imageRepository)
};

/// Something that a user adds to the set: an image of a chart, a chart, a file.
struct ExtraImage {
  oci::Reference reference;
  std::string component;  ///< "image", "chart", "file"
  std::string group;      ///< "extra", "charts", "files" (records/own_content.hpp)
  std::string why;        ///< where it was found; may be empty
};

/// A request, in the terms of the command line.
struct SelectionRequest {
  std::vector<std::string> filters;              ///< base, optional, control-plane; empty or none: everything
  std::vector<std::string> kubernetes_versions;  ///< v1.29.4, 1.29.4 or 1.29 (its newest patch); empty: all supported
  std::string kubeone;                           ///< 1.8 (its newest patch) or v1.8.2; empty: the newest that fits
  std::vector<std::string> images;               ///< further references; they alone, when nothing else is asked for
  std::vector<std::string> exclude;              ///< globs over the full reference
  std::vector<std::string> addons;               ///< KubeOne addons; without filters, with the group base
  std::string cloud_provider;                    ///< its CCM and CSI addons, likewise
  std::vector<ClusterRequest> clusters;          ///< exactly these, instead of filters and versions
  std::vector<ExtraImage> extras;                ///< further images, charts and files, with reasons
  bool own = false;                              ///< the user named such, even if it brings no image
};

/// Why an image is in the set.
struct Reason {
  std::set<std::string> components;  ///< "CalicoCNI", "kube-apiserver"; "image" for one named by the user
  std::set<std::string> groups;      ///< base, optional, control-plane, extra, charts, files
  std::set<std::string> why;         ///< "cluster production: cni cilium", "addon cluster-autoscaler"
};

/// The set, ordered by reference.
struct ImageSet {
  std::string kubeone;                           ///< "v1.8.6"; empty for a set of the user's own images
  std::vector<std::string> filters;              ///< as asked, in the order base, optional, control-plane
  std::vector<std::string> kubernetes_versions;  ///< "v1.28.8", oldest first
  std::map<oci::Reference, Reason> images;
};

/// The release of this name, or without a name the newest that supports all versions (as in SelectionRequest) and loads
/// manifests of all these API versions. An Error as select() says.
const Release& choose_release(const Catalog& catalog, const std::string& name,
                              const std::vector<std::string>& kubernetes_versions,
                              const std::set<std::string>& api_versions = {});

/// The lines whose newest patch release also fits, oldest first.
std::vector<std::string> fitting_lines(const Catalog& catalog, const std::vector<std::string>& kubernetes_versions,
                                       const std::set<std::string>& api_versions);

/// Notes on words that name a minor version: which patch is used here, and which one KubeOne uses.
std::vector<std::string> notes_on_versions(const Catalog& catalog, const std::vector<std::string>& words);

/// Those of these words that name a full version that the catalog does not have, e.g. v1.29.99.
std::vector<Version> unknown_versions(const Catalog& catalog, const std::vector<std::string>& words);

/// An Error (code `selection`) says what is unknown or contradictory, and what is allowed.
ImageSet select(const Catalog& catalog, const SelectionRequest& request);

}  // namespace airlock::kubeone
