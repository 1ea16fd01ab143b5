// SPDX-License-Identifier: Apache-2.0
#include "kubeone/release_reader.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

const Json& member(const Json& node, const char* key) {
  static const Json none;
  const auto found = node.is_object() ? node.find(key) : node.end();
  return found == node.end() ? none : *found;
}

std::string text(const Json& node, const std::string& where) {
  if (!node.is_string()) refuse_catalog(where, "a text value is missing");
  return node.get<std::string>();
}

std::vector<std::string> texts(const Json& node, const std::string& where) {
  std::vector<std::string> result;
  if (node.is_null()) return result;
  if (!node.is_array()) refuse_catalog(where, "not a list");
  for (const Json& item : node) result.push_back(text(item, where));
  return result;
}

std::set<std::string> text_set(const Json& node, const std::string& where) {
  const auto list = texts(node, where);
  return {list.begin(), list.end()};
}

/// The index of a member's value among these words.
std::size_t choice(const Json& node, const char* key, const std::vector<std::string>& words, const std::string& where) {
  const std::string word = text(member(node, key), fmt::format("{}: {}", where, key));
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return i;
  refuse_catalog(fmt::format("{}: {}", where, key),
                 fmt::format("\"{}\" is not one of {}", printable(word, 80), join(words, ", ")));
}

bool flag(const Json& node, const char* key, const std::string& where) {
  const Json& value = member(node, key);
  if (!value.is_boolean()) refuse_catalog(fmt::format("{}: {}", where, key), "neither true nor false");
  return value.get<bool>();
}

std::optional<Minor> optional_minor(const Json& node, const std::string& where) {
  if (node.is_null()) return std::nullopt;
  const auto minor = Minor::parse(text(node, where));
  if (!minor)
    refuse_catalog(where, fmt::format("\"{}\" is not a minor version such as 1.29", printable(text(node, where), 80)));
  return minor;
}

oci::Reference image(const Json& node, const std::string& where) {
  try {
    return oci::Reference::parse(text(member(node, "image"), where + ": image"));
  } catch (Error& error) {
    throw error.within("catalog " + where);
  }
}

const Json& list(const Json& node, const char* key, const std::string& where) {
  static const Json empty = Json::array();
  const Json& value = member(node, key);
  if (value.is_null()) return empty;
  if (!value.is_array()) refuse_catalog(fmt::format("{}: {}", where, key), "not a list");
  return value;
}

const Json& mapping(const Json& node, const char* key, const std::string& where) {
  static const Json empty = Json::object();
  const Json& value = member(node, key);
  if (value.is_null()) return empty;
  if (!value.is_object()) refuse_catalog(fmt::format("{}: {}", where, key), "not a mapping");
  return value;
}

std::vector<RangedImage> ranged_images(const Json& node, const char* key, const std::string& where) {
  std::vector<RangedImage> images;
  for (const Json& item : list(node, key, where)) images.push_back({read_range(item, where), image(item, where)});
  return images;
}

Component component(const std::string& name, const Json& node, const std::string& file) {
  const std::string where = fmt::format("{}: component {}", file, name);
  Component result;
  result.name = name;
  const std::string group = text(member(node, "group"), where + ": group");
  if (group != "base" && group != "optional")
    refuse_catalog(where + ": group", fmt::format("unknown group \"{}\"", group));
  result.group = group == "base" ? Group::base : Group::optional;
  result.addons = texts(member(node, "addons"), where + ": addons");
  if (!member(node, "when").is_null()) choice(node, "when", {"enableHubble"}, where);
  result.only_with_hubble = !member(node, "when").is_null();
  result.images = ranged_images(node, "images", where);
  if (result.images.empty()) refuse_catalog(where, "no images");
  return result;
}

std::vector<AddonImage> addon_images(const Json& node, const char* key, const std::string& file) {
  std::vector<AddonImage> images;
  const std::string where = fmt::format("{}: {}", file, key);
  for (const Json& item : list(node, key, file))
    images.push_back({text(member(item, "addon"), where), image(item, where)});
  return images;
}

Rules rules(const Json& node, const std::string& where) {
  Rules result;
  if (const Json& external = mapping(node, "externalByDefault", where); member(node, "externalByDefault").is_object())
    result.external_by_default = {optional_minor(member(external, "from"), where + ": from"),
                                  text_set(member(external, "except"), where + ": except")};
  for (const auto& [provider, limit] : mapping(node, "csiNeedsExternal", where).items())
    result.csi_needs_external.emplace(provider, optional_minor(member(limit, "before"), where + ": before"));
  result.machine_controller_without_provider =
      choice(node, "machineController", {"withProvider", "always"}, where) == 1;
  result.operating_system_manager = static_cast<DefaultManager>(
      choice(node, "operatingSystemManager", {"always", "never", "withMachineController"}, where));
  result.default_addons = text_set(member(node, "default"), where + ": default");
  result.obeys_addons_enable = choice(node, "addonsEnable", {"ignored", "obeyed"}, where) == 1;
  result.path_needs_addons = choice(node, "addonsPath", {"always", "withAddons"}, where) == 1;
  if (const Json& path = member(node, "defaultAddonsPath"); !path.is_null())
    result.default_addons_path = text(path, where + ": defaultAddonsPath");
  result.declaring_deploys_not = text_set(member(node, "declaringDeploysNot"), where + ": declaringDeploysNot");
  result.directory_deploys_not = text_set(member(node, "directoryDeploysNot"), where + ": directoryDeploysNot");
  for (const auto& [cni, addons] : mapping(node, "cni", where).items())
    result.cni.emplace(cni, texts(addons, where + ": cni"));
  result.local_redirect_policy = texts(member(node, "localRedirectPolicy"), where + ": localRedirectPolicy");
  result.insecure_registry =
      static_cast<InsecureRegistry>(choice(node, "insecureRegistry", {"plainHTTP", "skipVerify"}, where));
  result.registries_together = flag(node, "registriesTogether", where);
  result.mirrors = static_cast<MirrorForm>(choice(node, "mirrors", {"criRegistry", "hostsToml"}, where));
  return result;
}

}  // namespace

MinorRange read_range(const Json& node, const std::string& where) {
  return {optional_minor(member(node, "min"), where + ": min"), optional_minor(member(node, "max"), where + ": max")};
}

Release read_release(const Json& document, const std::string& file) {
  Release result;
  result.version = text(member(document, "kubeone"), file + ": kubeone");
  if (!Version::parse(result.version))
    refuse_catalog(file + ": kubeone", fmt::format("\"{}\" is not a version", printable(result.version, 80)));
  result.kubernetes = read_range(member(document, "kubernetes"), file + ": kubernetes");
  if (!result.kubernetes.min || !result.kubernetes.max) refuse_catalog(file + ": kubernetes", "min or max is missing");
  for (const auto& [name, node] : mapping(document, "components", file).items())
    result.components.push_back(component(name, node, file));
  result.sandbox_images = ranged_images(document, "sandboxImages", file + ": sandboxImages");
  for (const auto& [provider, addons] : mapping(document, "cloudProviders", file).items())
    result.cloud_providers.emplace(provider, texts(addons, file + ": cloudProviders"));
  result.embedded_addons = texts(member(document, "embeddedAddons"), file + ": embeddedAddons");
  result.addon_images = addon_images(document, "addonImages", file);
  result.literal_images = addon_images(document, "literalImages", file);
  const Json& by_version = mapping(document, "rules", file);
  for (const auto& [api, node] : by_version.items()) {
    const std::string where = fmt::format("{}: rules of {}", file, api);
    const Json& migrate = member(node, "migrate");
    const std::string target = migrate.is_null() ? std::string() : text(migrate, where + ": migrate");
    Rules& entry = result.rules.emplace(api, rules(target.empty() ? node : member(by_version, target.c_str()), where))
                       .first->second;
    entry.migrate_to = target;
  }
  return result;
}

std::map<Version, KubeadmImages> read_kubeadm(const Json& table, const std::string& file) {
  std::map<Version, KubeadmImages> result;
  for (const auto& [name, row] : table.items()) {
    const auto version = Version::parse(name);
    if (!version) refuse_catalog(file, fmt::format("\"{}\" is not a version such as v1.29.4", printable(name, 80)));
    const std::string where = fmt::format("{}: {}", file, name);
    result[*version] = {text(member(row, "coredns"), where + ": coredns"), text(member(row, "etcd"), where + ": etcd"),
                        text(member(row, "pause"), where + ": pause")};
  }
  return result;
}

}  // namespace airlock::kubeone
