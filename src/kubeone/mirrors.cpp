// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/mirrors.hpp"

namespace airlock::kubeone {

std::string MirrorConfiguration::url() const {
  const std::string scheme = reach == oci::Reach::plain_http ? "http://" : "https://";
  return scheme + registry.host.str() + (registry.prefix ? "/v2/" + registry.prefix->str() : "");
}

std::string MirrorConfiguration::stanza(ApiVersion version) const {
  // Up to 1.12 KubeOne writes what containerd's CRI plugin reads: it takes a path in an endpoint as it is, and settings
  // for TLS under the host that is asked. Since 1.13 these are hosts.toml files, one for each source.
  const bool cri = consumer.mirrors == MirrorForm::cri_registry;
  const bool unverified = reach == oci::Reach::tls_unverified;
  const std::string skip_verify = "        tlsConfig:\n          insecureSkipVerify: true\n";
  std::string text(stanza_comment);
  text += " (apiVersion: " + full_name(version) + ", KubeOne " + consumer.release +
          "),\n# instead of registryConfiguration\n";
  if (credentials)
    text += std::string("# the registry wants a login: add auth: {username: ..., password: ...} to ") +
            (cri ? "an entry \"" + registry.host.str() + "\" beside the sources" : "each source") +
            ", or registriesAuth to KubeOne's credentials file\n";
  text += "containerRuntime:\n  containerd:\n    registries:\n";
  for (const std::string& source : sources) {
    text += "      " + source + ":\n        mirrors:\n          - " + url() + "\n";
    if (registry.prefix && !cri && consumer.override_path) text += "        overridePath: true\n";
    if (unverified && !cri) text += skip_verify;
  }
  if (unverified && cri) text += "      \"" + registry.host.str() + "\":\n" + skip_verify;
  return text;
}

std::map<std::string, std::string> MirrorConfiguration::hosts_toml() const {
  std::string text = "server = \"" + url() + "\"\n";
  if (registry.prefix) text += "override_path = true\n";
  if (reach == oci::Reach::tls_unverified) text += "skip_verify = true\n";
  text += "\n[host.\"" + url() + "\"]\n  capabilities = [\"pull\", \"resolve\"]\n";
  if (registry.prefix) text += "  override_path = true\n";
  if (reach == oci::Reach::tls_unverified) text += "  skip_verify = true\n";
  if (reach == oci::Reach::tls_verified)
    text += "  # ca = \"/etc/containerd/certs.d/ca.pem\"  # where the nodes do not know its authority\n";
  std::map<std::string, std::string> files;
  for (const std::string& source : sources) files.emplace(source, text);
  return files;
}

std::string MirrorConfiguration::registries_conf() const {
  std::string text = "# for /etc/containers/registries.conf.d/ (CRI-O, Podman)\n";
  for (const std::string& source : sources) {
    text += "\n[[registry]]\nprefix = \"" + source + "\"\nlocation = \"" + source +
            "\"\n\n[[registry.mirror]]\nlocation = \"" + registry.str() + "\"\n";
    if (reach != oci::Reach::tls_verified) text += "insecure = true\n";
  }
  return text;
}

}  // namespace airlock::kubeone
