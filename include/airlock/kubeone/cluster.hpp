// SPDX-License-Identifier: Apache-2.0
// What a KubeOneCluster manifest says about images (KubeOne pkg/apis/kubeone/v1beta1..v1beta3/types.go), and which
// addons KubeOne deploys for it (pkg/addons/ensure.go, collectAddons; defaults of
// pkg/apis/kubeone/v1beta2/defaults.go).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/catalog/selection.hpp"

namespace airlock::kubeone {

/// A manifest, as far as it decides about images.
struct Cluster {
  std::string origin;  ///< the manifest's path, for messages
  std::string name;
  std::string api_version;         ///< "v1beta2"
  std::string kubernetes_version;  ///< as written
  std::string provider;            ///< key below cloudProvider; empty: terraform's output decides
  bool external = false;
  bool disable_bundled_csi_drivers = false;
  std::string cni;  ///< canal, cilium, weaveNet, external; empty: the default
  bool local_redirect_policy = false;
  std::optional<bool> metrics_server;
  std::optional<bool> node_local_dns;
  std::optional<bool> machine_controller;
  std::optional<bool> operating_system_manager;
  std::vector<std::string> declared_addons;
  std::filesystem::path addons_directory;  ///< empty: none
  std::string sandbox_image;
  std::string coredns_repository;
  std::vector<std::string> helm_releases;  ///< whose images no manifest names
};

/// Reads a file with one KubeOneCluster among its documents. An Error (code `selection`) for what is none, or names
/// something unknown.
Cluster read_cluster(const std::filesystem::path& file);
Cluster parse_cluster(std::string_view text, const std::filesystem::path& file);

/// The addons and images of a cluster with a release, each with its reason. `provider` stands in where the manifest
/// names none. `warnings` gains what a person should know. An Error (code `selection`) for a provider or an addon that
/// the release does not know.
catalog::ClusterRequest deployment_of(const Cluster& cluster, const catalog::Release& release,
                                      const std::string& provider, std::vector<std::string>& warnings);

}  // namespace airlock::kubeone
