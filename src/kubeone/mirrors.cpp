// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/mirrors.hpp"

#include <fmt/format.h>

namespace airlock::kubeone {

std::string MirrorConfiguration::url() const {
  const std::string scheme = reach == oci::Reach::plain_http ? "http://" : "https://";
  return scheme + registry.host.str() + (registry.prefix ? "/v2/" + registry.prefix->str() : "");
}

std::string MirrorConfiguration::stanza(ApiVersion version) const {
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
    text += fmt::format("      {}:\n        mirrors:\n          - {}\n", source, url());
    if (registry.prefix && !cri && consumer.override_path) text += "        overridePath: true\n";
    if (unverified && !cri) text += skip_verify;
  }
  if (unverified && cri) text += fmt::format("      \"{}\":\n{}", registry.host.str(), skip_verify);
  return text;
}

std::map<std::string, std::string> MirrorConfiguration::hosts_toml() const {
  std::string text = fmt::format("server = \"{}\"\n", url());
  if (registry.prefix) text += "override_path = true\n";
  if (reach == oci::Reach::tls_unverified) text += "skip_verify = true\n";
  text += fmt::format("\n[host.\"{}\"]\n  capabilities = [\"pull\", \"resolve\"]\n", url());
  if (registry.prefix) text += "  override_path = true\n";
  if (reach == oci::Reach::tls_unverified) text += "  skip_verify = true\n";
  if (reach == oci::Reach::tls_verified)
    text += "  # ca = \"/etc/containerd/certs.d/ca.pem\"  # if the nodes do not trust its authority\n";
  std::map<std::string, std::string> files;
  for (const std::string& source : sources) files.emplace(source, text);
  return files;
}

std::string MirrorConfiguration::registries_conf() const {
  std::string text = "# for /etc/containers/registries.conf.d/ (CRI-O, Podman)\n";
  for (const std::string& source : sources) {
    text +=
        fmt::format("\n[[registry]]\nprefix = \"{}\"\nlocation = \"{}\"\n\n[[registry.mirror]]\nlocation = \"{}\"\n",
                    source, source, registry.str());
    if (reach != oci::Reach::tls_verified) text += "insecure = true\n";
  }
  return text;
}

}  // namespace airlock::kubeone
