// SPDX-License-Identifier: Apache-2.0
// What each KubeOne release deploys and by which rules, and what kubeadm adds, as data (data/catalog/*.yaml, one file
// for each minor release with all its patch releases).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "airlock/base/json.hpp"
#include "airlock/kubeone/rules.hpp"
#include "airlock/kubeone/version.hpp"
#include "airlock/oci/digest.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::kubeone {

/// Image groups, as `--filter` names them (KubeOne's `mirror-images --filter`).
enum class Group { base, optional, control_plane };
std::string to_string(Group group);

/// An image for a range of Kubernetes minors.
struct RangedImage {
  MinorRange range;
  oci::Reference image;
};

/// A thing that KubeOne deploys: one image, perhaps another one for each Kubernetes minor.
struct Component {
  std::string name;
  Group group = Group::base;
  std::vector<std::string> addons;  ///< KubeOne addons that deploy it
  bool only_with_hubble = false;    ///< by cni-cilium only where enableHubble is set (addons/cni-cilium)
  std::vector<RangedImage> images;
};

/// An image that an embedded addon's manifest names itself, beside KubeOne's list of images.
struct AddonImage {
  std::string addon;
  oci::Reference image;
};

/// One KubeOne release.
struct Release {
  std::string version;    ///< "v1.8.6"
  MinorRange kubernetes;  ///< supported minors
  std::vector<Component> components;
  std::vector<RangedImage> sandbox_images;                          ///< the pause image containerd is configured with
  std::map<std::string, std::vector<std::string>> cloud_providers;  ///< provider to the addons deployed for it
  std::vector<std::string> embedded_addons;                         ///< all of them, with or without images
  std::vector<AddonImage> addon_images;                             ///< overwriteRegistry rewrites these
  std::vector<AddonImage> literal_images;                           ///< overwriteRegistry does not rewrite these

  std::map<std::string, Rules> rules;  ///< by API version: "kubeone.k8c.io/v1beta2"; those that it loads

  /// "1.8"
  std::string line() const;
  /// Every addon that may be named: the embedded ones, or in older catalogs those with images.
  std::set<std::string> addon_names() const;
};

/// What kubeadm adds to the four versioned control-plane images.
struct KubeadmImages {
  std::string coredns;  ///< path and tag below registry.k8s.io: "coredns/coredns:v1.11.1"
  std::string etcd;     ///< tag
  std::string pause;    ///< tag
};

/// Reads kubeadm's constants (kubernetes cmd/kubeadm/app/constants/constants.go) of a version: CoreDNSVersion,
/// PauseVersion, and etcd's from SupportedEtcdVersion, else DefaultEtcdVersion, as kubeadm's GetEtcdImage chooses. An
/// Error (code `selection`) if one is missing; `where` names the text.
KubeadmImages parse_kubeadm_constants(std::string_view text, const Version& version, const std::string& where);

/// All known releases, each parsed on demand. Not thread-safe.
class Catalog {
 public:
  /// The data compiled into the program.
  static Catalog built_in();
  /// Files `kubeone-*.yaml` and `kubeadm.yaml` of a directory, in the same form. An Error (code `selection`) names the
  /// file and place of a mistake.
  static Catalog load(const std::filesystem::path& directory);
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;
  ~Catalog();

  /// "1.5", "1.6"...: oldest first.
  std::vector<std::string> lines() const;
  /// The patch releases of a line, newest first: "v1.14.2", "v1.14.1"...
  std::vector<std::string> patches(const std::string& line) const;
  /// By "1.8", "v1.8" (its newest patch) or "v1.8.2"; nothing when unknown. Lives as long as the catalog.
  const Release* find_release(std::string_view name) const;
  /// Which fields a manifest may have: JSON as data/catalog has it, null for an API version that does not load.
  const Json& fields(const Release& release, const std::string& api_version) const;

  const std::map<Version, KubeadmImages>& kubeadm() const;
  /// Adds a version that was looked up elsewhere; digest() changes with it.
  void add_kubeadm(const Version& version, const KubeadmImages& images);
  std::optional<Version> newest_patch(const Minor& minor) const;
  /// Over all data files, so that a bundle can say which data chose its images.
  oci::Digest digest() const;

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace airlock::kubeone
