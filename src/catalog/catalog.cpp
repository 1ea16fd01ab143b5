// SPDX-License-Identifier: Apache-2.0
#include "airlock/catalog/catalog.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "embedded.hpp"

namespace airlock::catalog {

namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::selection, "catalog " + where + ": " + why)
      .hint("correct the file given with --catalog; data/catalog in the source has examples");
}

std::string text(const YAML::Node& node, const std::string& where) {
  if (!node.IsDefined() || !node.IsScalar()) refuse(where, "a text value is missing");
  return node.Scalar();
}

std::optional<Minor> optional_minor(const YAML::Node& node, const std::string& where) {
  if (!node.IsDefined()) return std::nullopt;
  const auto minor = Minor::parse(text(node, where));
  if (!minor) refuse(where, "\"" + node.Scalar() + "\" is not a minor version such as 1.29");
  return minor;
}

MinorRange range(const YAML::Node& node, const std::string& where) {
  return {optional_minor(node["min"], where + ": min"), optional_minor(node["max"], where + ": max")};
}

oci::Reference image(const YAML::Node& node, const std::string& where) {
  try {
    return oci::Reference::parse(text(node["image"], where + ": image"));
  } catch (Error& error) {
    throw error.within("catalog " + where);
  }
}

std::vector<RangedImage> ranged_images(const YAML::Node& list, const std::string& where) {
  std::vector<RangedImage> images;
  for (const YAML::Node& item : list) images.push_back({range(item, where), image(item, where)});
  return images;
}

Group group(const YAML::Node& node, const std::string& where) {
  const std::string name = text(node, where);
  if (name == "base") return Group::base;
  if (name == "optional") return Group::optional;
  refuse(where, "unknown group \"" + name + "\"");
}

Component component(const YAML::Node& node, const std::string& file) {
  Component result;
  result.name = text(node["name"], file + ": components: name");
  const std::string where = file + ": component " + result.name;
  result.group = group(node["group"], where + ": group");
  for (const YAML::Node& addon : node["addons"]) result.addons.push_back(text(addon, where + ": addons"));
  result.images = ranged_images(node["images"], where);
  if (result.images.empty()) refuse(where, "no images");
  return result;
}

std::vector<AddonImage> addon_images(const YAML::Node& list, const std::string& where) {
  std::vector<AddonImage> images;
  for (const YAML::Node& item : list) images.push_back({text(item["addon"], where), image(item, where)});
  return images;
}

Release release(const YAML::Node& root, const std::string& file) {
  Release result;
  result.version = text(root["kubeone"], file + ": kubeone");
  if (!Version::parse(result.version)) refuse(file + ": kubeone", "\"" + result.version + "\" is not a version");
  result.kubernetes = range(root["kubernetes"], file + ": kubernetes");
  if (!result.kubernetes.min || !result.kubernetes.max) refuse(file + ": kubernetes", "min or max is missing");
  for (const YAML::Node& node : root["components"]) result.components.push_back(component(node, file));
  result.sandbox_images = ranged_images(root["sandboxImages"], file + ": sandboxImages");
  for (const auto& provider : root["cloudProviders"]) {
    auto& addons = result.cloud_providers[provider.first.Scalar()];  // `none` has an entry, and no addon
    for (const YAML::Node& addon : provider.second) addons.push_back(text(addon, file + ": cloudProviders"));
  }
  for (const YAML::Node& addon : root["embeddedAddons"])
    result.embedded_addons.push_back(text(addon, file + ": embeddedAddons"));
  result.addon_images = addon_images(root["addonImages"], file + ": addonImages");
  result.literal_images = addon_images(root["literalImages"], file + ": literalImages");
  return result;
}

std::map<Version, KubeadmImages> kubeadm_table(const YAML::Node& root, const std::string& file) {
  std::map<Version, KubeadmImages> table;
  for (const auto& row : root) {
    const std::string name = row.first.Scalar();
    const auto version = Version::parse(name);
    if (!version) refuse(file, "\"" + name + "\" is not a version such as v1.29.4");
    const std::string where = file + ": " + name;
    table[*version] = {text(row.second["coredns"], where + ": coredns"), text(row.second["etcd"], where + ": etcd"),
                       text(row.second["pause"], where + ": pause")};
  }
  return table;
}

oci::Digest digest_of(const std::map<std::string, std::string>& files) {
  oci::Sha256 hash;
  for (const auto& [name, content] : files) hash.update(oci::sha256(content).hex() + "  " + name + "\n");
  return hash.finish();
}

}  // namespace

std::string to_string(Group group) {
  switch (group) {
    case Group::base: return "base";
    case Group::optional: return "optional";
    case Group::control_plane: return "control-plane";
  }
  return "";
}

std::set<std::string> Release::addon_names() const {
  std::set<std::string> names(embedded_addons.begin(), embedded_addons.end());
  for (const Component& component : components) names.insert(component.addons.begin(), component.addons.end());
  return names;
}

std::string Release::line() const { return Version::parse(version)->line.str(); }

Catalog::Catalog(const Files& files) : digest_(digest_of(files)) {
  for (const auto& [name, content] : files) {
    try {
      const YAML::Node root = YAML::Load(content);
      if (!root.IsMap()) refuse(name, "not a YAML mapping");
      if (name == "kubeadm.yaml")
        kubeadm_ = kubeadm_table(root, name);
      else
        releases_.push_back(release(root, name));
    } catch (const YAML::Exception& error) {
      refuse(name, "line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
  }
  if (kubeadm_.empty()) refuse("kubeadm.yaml", "missing or empty");
  if (releases_.empty()) refuse("kubeone-*.yaml", "no KubeOne release");
  std::sort(releases_.begin(), releases_.end(),
            [](const Release& a, const Release& b) { return *Version::parse(a.version) < *Version::parse(b.version); });
}

Catalog Catalog::built_in() {
  Files files;
  for (const EmbeddedFile& file : embedded_files()) files.emplace(file.name, file.content);
  return Catalog(files);
}

Catalog Catalog::load(const std::filesystem::path& directory) {
  std::error_code status;
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, status)) {
    const std::string name = entry.path().filename().string();
    if (name == "kubeadm.yaml" || glob_match("kubeone-*.yaml", name))
      files.emplace(name, read_file(entry.path(), 16U << 20));
  }
  if (status)
    throw Error(ErrorCode::media, "cannot read the catalog directory " + directory.string() + ": " + status.message())
        .hint("name a directory with kubeadm.yaml and kubeone-*.yaml");
  return Catalog(files);
}

void Catalog::add_kubeadm(const Version& version, const KubeadmImages& images) {
  kubeadm_.insert_or_assign(version, images);
  digest_ = oci::sha256(digest_.hex() + " " + version.str() + " " + images.coredns + " " + images.etcd + " " +
                        images.pause + "\n");
}

const Release* Catalog::find_release(std::string_view name) const {
  if (name.starts_with('v')) name.remove_prefix(1);
  for (const Release& release : releases_)
    if (release.line() == name || release.version.substr(1) == name) return &release;
  return nullptr;
}

std::optional<Version> Catalog::newest_patch(const Minor& minor) const {
  std::optional<Version> newest;
  for (const auto& [version, images] : kubeadm_)
    if (version.line == minor) newest = version;
  return newest;
}

}  // namespace airlock::catalog
