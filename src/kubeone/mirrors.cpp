// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/mirrors.hpp"

#include <yaml-cpp/yaml.h>

namespace airlock::kubeone {

std::string MirrorConfiguration::url() const {
  const std::string scheme = reach == registry::Reach::plain_http ? "http://" : "https://";
  return scheme + registry.host.str() + (registry.prefix ? "/v2/" + registry.prefix->str() : "");
}

std::string MirrorConfiguration::stanza(ApiVersion version) const {
  YAML::Emitter yaml;
  yaml << YAML::BeginMap << YAML::Key << "containerRuntime" << YAML::Value << YAML::BeginMap;
  yaml << YAML::Key << "containerd" << YAML::Value << YAML::BeginMap;
  yaml << YAML::Key << "registries" << YAML::Value << YAML::BeginMap;
  for (const std::string& source : sources) {
    yaml << YAML::Key << source << YAML::Value << YAML::BeginMap;
    yaml << YAML::Key << "mirrors" << YAML::Value << YAML::BeginSeq << url() << YAML::EndSeq;
    if (registry.prefix) yaml << YAML::Key << "overridePath" << YAML::Value << true;
    if (reach == registry::Reach::tls_unverified)
      yaml << YAML::Key << "tlsConfig" << YAML::Value << YAML::BeginMap << YAML::Key << "insecureSkipVerify"
           << YAML::Value << true << YAML::EndMap;
    yaml << YAML::EndMap;
  }
  yaml << YAML::EndMap << YAML::EndMap << YAML::EndMap << YAML::EndMap;
  std::string text(stanza_comment);
  text += " (apiVersion: kubeone.k8c.io/" + to_string(version) + "),\n# instead of registryConfiguration\n";
  if (credentials)
    text +=
        "# the registry wants a login: add auth: {username: ..., password: ...} to each source, or registriesAuth to "
        "KubeOne's credentials file\n";
  return text + yaml.c_str() + "\n";
}

std::map<std::string, std::string> MirrorConfiguration::hosts_toml() const {
  std::string text = "server = \"" + url() + "\"\n";
  if (registry.prefix) text += "override_path = true\n";
  if (reach == registry::Reach::tls_unverified) text += "skip_verify = true\n";
  text += "\n[host.\"" + url() + "\"]\n  capabilities = [\"pull\", \"resolve\"]\n";
  if (registry.prefix) text += "  override_path = true\n";
  if (reach == registry::Reach::tls_unverified) text += "  skip_verify = true\n";
  if (reach == registry::Reach::tls_verified)
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
    if (reach != registry::Reach::tls_verified) text += "insecure = true\n";
  }
  return text;
}

}  // namespace airlock::kubeone
