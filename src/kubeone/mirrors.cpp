// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/mirrors.hpp"

#include <fmt/format.h>

namespace airlock::kubeone {

std::vector<std::string> MirrorConfiguration::apply(const NameMapping& mapping) {
  std::vector<std::string> lost;
  std::erase_if(sources, [&](const std::string& source) {
    const auto prefix = mapping.prefix_of(oci::Registry::parse(source));
    if (prefix)
      below[source] = *prefix;
    else
      lost.push_back(source);
    if (const auto several = mapping.prefixes_of(oci::Registry::parse(source)); !prefix && several)
      by_prefix.insert(several->begin(), several->end());
    return !prefix;
  });
  return lost;
}

std::string MirrorConfiguration::path(const std::string& source) const {
  std::string path = registry.prefix ? registry.prefix->str() : "";
  const auto own = below.find(source);
  if (own == below.end() || own->second.empty()) return path;
  return path + (path.empty() ? "" : "/") + own->second;
}

std::string MirrorConfiguration::url(const std::string& source) const {
  const std::string scheme = reach == oci::Reach::plain_http ? "http://" : "https://";
  const std::string below_host = path(source);
  return scheme + registry.host.str() + (below_host.empty() ? "" : "/v2/" + below_host);
}

std::string MirrorConfiguration::stanza(ApiVersion version) const {
  if (sources.empty())
    return "# No configuration of KubeOne leads to these names: manifests have to name images as they are inside.\n";
  // Up to 1.12 KubeOne writes what containerd's CRI plugin reads: it uses a path in an endpoint as it is, and takes TLS
  // settings from the entry of the mirror host. Since 1.13 these are hosts.toml files, one for each source.
  const bool cri = consumer.mirrors == MirrorForm::cri_registry;
  const bool unverified = reach == oci::Reach::tls_unverified;
  const std::string skip_verify = "        tlsConfig:\n          insecureSkipVerify: true\n";
  std::string text(stanza_comment);
  text += fmt::format(" (apiVersion: {}, KubeOne {}),\n# instead of registryConfiguration\n", full_name(version),
                      consumer.release);
  if (credentials)
    text += fmt::format(
        "# the registry requires a login: add auth: {{username: ..., password: ...}} to {}, or registriesAuth to "
        "KubeOne's credentials file\n",
        cri ? fmt::format("an entry \"{}\" beside the sources", registry.host.str()) : "each source");
  text += "containerRuntime:\n  containerd:\n    registries:\n";
  for (const std::string& source : sources) {
    text += fmt::format("      {}:\n        mirrors:\n          - {}\n", source, url(source));
    if (!path(source).empty() && !cri && consumer.override_path) text += "        overridePath: true\n";
    if (unverified && !cri) text += skip_verify;
  }
  if (unverified && cri) text += fmt::format("      \"{}\":\n{}", registry.host.str(), skip_verify);
  return text;
}

std::map<std::string, std::string> MirrorConfiguration::hosts_toml() const {
  std::map<std::string, std::string> files;
  for (const std::string& source : sources) {
    const bool has_path = !path(source).empty();
    std::string text = fmt::format("server = \"{}\"\n", url(source));
    if (has_path) text += "override_path = true\n";
    if (reach == oci::Reach::tls_unverified) text += "skip_verify = true\n";
    text += fmt::format("\n[host.\"{}\"]\n  capabilities = [\"pull\", \"resolve\"]\n", url(source));
    if (has_path) text += "  override_path = true\n";
    if (reach == oci::Reach::tls_unverified) text += "  skip_verify = true\n";
    if (reach == oci::Reach::tls_verified)
      text += "  # ca = \"/etc/containerd/certs.d/ca.pem\"  # if the nodes do not trust its authority\n";
    files.emplace(source, std::move(text));
  }
  return files;
}

std::string MirrorConfiguration::registries_conf() const {
  std::string text = "# for /etc/containers/registries.conf.d/ (CRI-O, Podman)\n";
  const auto add = [&](const std::string& prefix, const std::string& path_there) {
    text += fmt::format(
        "\n[[registry]]\nprefix = \"{}\"\nlocation = \"{}\"\n\n[[registry.mirror]]\nlocation = \"{}{}{}\"\n", prefix,
        prefix, registry.host.str(), path_there.empty() ? "" : "/", path_there);
    if (reach != oci::Reach::tls_verified) text += "insecure = true\n";
  };
  for (const std::string& source : sources) add(source, path(source));
  const std::string top = registry.prefix ? registry.prefix->str() : "";
  for (const auto& [prefix, own] : by_prefix) add(prefix, top.empty() || own.empty() ? top + own : top + "/" + own);
  return text;
}

}  // namespace airlock::kubeone
