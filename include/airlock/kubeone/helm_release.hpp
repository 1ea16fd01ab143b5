// SPDX-License-Identifier: Apache-2.0
// A chart that KubeOne deploys (KubeOne pkg/apis/kubeone/*/types.go, HelmRelease), or that a user names in the same
// form.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/base/yaml.hpp"
#include "airlock/kubeone/version.hpp"

namespace airlock::kubeone {

/// One of `values`: a file, or what stands in the manifest.
struct HelmValues {
  std::string file;      ///< as written: relative to where kubeone runs
  std::string in_place;  ///< as JSON
};

struct HelmRelease {
  std::string origin;     ///< "kubeone.yaml: line 12", for messages
  std::string pointer;    ///< of its object in the manifest (RFC 6901)
  std::string chart;      ///< a name in the repository, or a local folder
  std::string repo_url;   ///< of an HTTP repository
  std::string chart_url;  ///< of the chart itself, `oci://` too; counts before the others
  std::string version;    ///< empty: the newest
  std::string name;       ///< of the release; empty: the chart's
  std::string ns;
  std::string username;
  std::string password;
  bool insecure = false;
  std::string kubernetes_version;  ///< of the cluster that it is for; empty: not known
  std::vector<HelmValues> values;

  /// How messages name it.
  std::string str() const;
  /// Moves a login out of its addresses (https://USER:PASSWORD@HOST), where none is given otherwise: messages, locks
  /// and lists of reasons name addresses.
  void take_login();
};

/// `helmReleases` of a manifest of v1beta1 and v1beta2, and v1beta3's `addons.addons[].helmRelease`; with `charts`, a
/// list of this key. An Error (code `selection`) names the line of what is no such entry.
std::vector<HelmRelease> read_helm_releases(const YamlDocument& document, const std::string& file);

/// The list `charts` of a file of the user's: the same entries.
std::vector<HelmRelease> parse_charts_file(std::string_view text, const std::string& file);

}  // namespace airlock::kubeone
