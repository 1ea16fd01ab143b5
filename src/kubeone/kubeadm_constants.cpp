// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/catalog.hpp"

namespace airlock::kubeone {

namespace {

/// The string in `NAME = "value"` or `NAME: "value"`, on the first line that starts with it.
std::optional<std::string> string_constant(std::string_view text, const std::string& name, char separator) {
  for (const std::string& raw : split(text, '\n')) {
    std::string_view line = trim(raw);
    if (!line.starts_with(name)) continue;
    line = trim(line.substr(name.size()));
    if (!line.starts_with(separator)) continue;
    line = trim(line.substr(1));
    if (!line.starts_with('"')) continue;
    const auto end = line.find('"', 1);
    if (end != std::string_view::npos) return std::string(line.substr(1, end - 1));
  }
  return std::nullopt;
}

/// The entry of the map SupportedEtcdVersion for a minor.
std::optional<std::string> supported_etcd(std::string_view text, const Version& version) {
  const auto start = text.find("SupportedEtcdVersion = map[");
  if (start == std::string_view::npos) return std::nullopt;
  const auto end = text.find('}', start);
  return string_constant(text.substr(start, end - start), std::to_string(version.line.minor), ':');
}

bool is_version_text(const std::string& text) {
  return !text.empty() && text.size() < 64 &&
         text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.-_") == std::string::npos;
}

}  // namespace

KubeadmImages parse_kubeadm_constants(std::string_view text, const Version& version, const std::string& where) {
  const auto need = [&](const std::optional<std::string>& found, const char* name) {
    if (!found || !is_version_text(*found))
      throw Error(ErrorCode::selection,
                  fmt::format("{}: {} is missing, so these are not kubeadm's constants", where, name))
          .hint(
              "compare the URL with https://github.com/kubernetes/kubernetes, cmd/kubeadm/app/constants/constants.go");
    return *found;
  };
  const std::string coredns = need(string_constant(text, "CoreDNSVersion", '='), "CoreDNSVersion");
  const std::string pause = need(string_constant(text, "PauseVersion", '='), "PauseVersion");
  const auto supported = supported_etcd(text, version);
  const std::string etcd =
      need(supported ? supported : string_constant(text, "DefaultEtcdVersion", '='), "DefaultEtcdVersion");
  // Since 1.21 CoreDNS is one level deeper (kubeadm images.GetDNSImage).
  const std::string path = version.line < Minor{1, 21} ? "coredns:" : "coredns/coredns:";
  return {path + coredns, etcd, pause};
}

}  // namespace airlock::kubeone
