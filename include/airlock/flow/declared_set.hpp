// SPDX-License-Identifier: Apache-2.0
// airlock.yaml: one declared set, which change control reviews (docs/sets.md). Strict: unknown keys are an Error.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/kubeone/helm_release.hpp"

namespace airlock::flow {

/// What a set file says; what it leaves out is empty. Paths are complete: they are written relative to the file.
struct DeclaredSet {
  std::string kubeone;
  std::vector<std::filesystem::path> clusters;
  std::vector<std::string> kubernetes_versions;
  std::vector<std::string> filters;
  std::vector<std::string> addons;
  std::string cloud_provider;
  std::vector<std::string> images;
  std::vector<std::filesystem::path> image_files;
  std::vector<std::filesystem::path> manifests;
  bool take_suspects = false;
  bool in_config_maps = false;
  std::vector<std::string> exclude;
  std::vector<kubeone::HelmRelease> charts;
  bool no_charts = false;
  std::vector<std::string> files;  ///< as FileToPack::parse() takes them
  std::vector<std::string> platforms;
  std::vector<std::string> map;
  std::vector<std::string> allow_missing;
  std::string stream;
  std::string pinned;        ///< whole, filter, refuse
  std::string for_registry;  ///< strict, sparse
  std::optional<bool> referrers;

  /// An Error (code `usage`) names the file and the key.
  static DeclaredSet parse(std::string_view text, const std::filesystem::path& file);
  static DeclaredSet load(const std::filesystem::path& file);
};

}  // namespace airlock::flow
