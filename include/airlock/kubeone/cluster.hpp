// SPDX-License-Identifier: Apache-2.0
// What a KubeOneCluster manifest says about images (KubeOne pkg/apis/kubeone/v1beta1..v1beta3/types.go), and which
// addons a KubeOne release deploys for it, by the release's rules (kubeone/rules.hpp).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/yaml.hpp"
#include "airlock/kubeone/helm_release.hpp"
#include "airlock/kubeone/selection.hpp"

namespace airlock::kubeone {

/// A manifest, as far as it decides about images.
struct Cluster {
  std::string origin;  ///< the manifest's path, for messages
  std::string name;
  std::string api_version;         ///< "kubeone.k8c.io/v1beta2"
  std::string kubernetes_version;  ///< as written
  std::string provider;            ///< key below cloudProvider; empty: terraform's output decides
  bool external = false;
  bool disable_bundled_csi_drivers = false;
  std::string cni;  ///< canal, cilium, weaveNet, external; empty: the default
  bool hubble = false;
  bool local_redirect_policy = false;
  std::optional<bool> metrics_server;
  std::optional<bool> node_local_dns;
  std::optional<bool> machine_controller;
  std::optional<bool> operating_system_manager;
  bool has_addons = false;     ///< the key `addons` is there
  bool addons_enable = false;  ///< addons.enable, as written
  std::string addons_path;     ///< as written
  std::vector<std::string> declared_addons;
  bool lists_addons = false;  ///< addons.addons or helmReleases has an entry, including those to delete
  std::string sandbox_image;
  std::string coredns_repository;
  std::vector<HelmRelease> helm_releases;        ///< charts, whose images no manifest names
  std::shared_ptr<const YamlDocument> document;  ///< all of it, with the lines of its keys
};

/// Reads a file with one KubeOneCluster among its documents. An Error (code `selection`) if there is none, or if it
/// names something unknown.
Cluster read_cluster(const std::filesystem::path& file);
Cluster parse_cluster(std::string_view text, const std::filesystem::path& file);

/// An Error (code `selection`, with the line) where the release would refuse the manifest: an API version that it does
/// not load, a field that it does not know or of another type, both ways of registries together. With `assumed`, the
/// release is a guess: a manifest that another release of the catalog accepts only causes a warning.
void check_manifest(const Cluster& cluster, const Catalog& catalog, const Release& release, bool assumed,
                    std::vector<std::string>& warnings);

/// The addons and images of a cluster with a release, each with its reason. `provider` stands in where the manifest
/// names none. `warnings` gains what a person should know. An Error (code `selection`) for a provider or an addon that
/// the release does not know, or an API version that it does not load.
ClusterRequest deployment_of(const Cluster& cluster, const Release& release, const std::string& provider,
                             std::vector<std::string>& warnings);

}  // namespace airlock::kubeone
