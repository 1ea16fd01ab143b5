// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/registry_configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

using oci::Reach;

/// Whether any API version that the release loads has overridePath.
bool knows_override_path(const Catalog& catalog, const Release& release) {
  const Json::json_pointer field("/containerRuntime/containerd/registries/*/overridePath");
  return std::any_of(release.rules.begin(), release.rules.end(), [&](const auto& entry) {
    const Json& fields = catalog.fields(release, entry.first);
    return !fields.is_null() && fields.contains(field);
  });
}

}  // namespace

ApiVersion parse_api_version(const std::string& text) {
  for (const ApiVersion version : {ApiVersion::v1beta1, ApiVersion::v1beta2, ApiVersion::v1beta3})
    if (text == to_string(version)) return version;
  throw Error(ErrorCode::usage, fmt::format("unknown KubeOne API version \"{}\"", printable(text, 80)))
      .hint("use v1beta1, v1beta2 or v1beta3");
}

std::string to_string(ApiVersion version) {
  switch (version) {
    case ApiVersion::v1beta1: return "v1beta1";
    case ApiVersion::v1beta2: return "v1beta2";
    case ApiVersion::v1beta3: return "v1beta3";
  }
  return "";
}

std::string full_name(ApiVersion version) {
  return (version == ApiVersion::v1beta1 ? "kubeone.io/" : "kubeone.k8c.io/") + to_string(version);
}

Consumer consumer_of(const Catalog& catalog, const Release& release) {
  if (release.rules.empty())
    throw Error(ErrorCode::selection, "the catalog has no rules for KubeOne " + release.version)
        .hint("regenerate its file with tools/update-catalog");
  Consumer consumer;
  consumer.release = release.version;
  for (const auto& [api_version, rules] : release.rules) {
    consumer.api_versions.insert(api_version);
    consumer.insecure_registry = rules.insecure_registry;
    consumer.mirrors = rules.mirrors;
    consumer.registries_together = rules.registries_together;
  }
  consumer.override_path = knows_override_path(catalog, release);
  return consumer;
}

bool RegistryConfiguration::insecure() const {
  // KubeOne writes the settings of insecureRegistry under all of overwriteRegistry, and containerd looks them up by
  // host alone: with a prefix they have no effect, and in the newer form they break pulls that work without them.
  if (registry.prefix) return false;
  return reach ==
         (consumer.insecure_registry == InsecureRegistry::plain_http ? Reach::plain_http : Reach::tls_unverified);
}

std::string RegistryConfiguration::stanza() const {
  return fmt::format(
      "{} (apiVersion: {}, KubeOne {})\nregistryConfiguration:\n  overwriteRegistry: \"{}\"\n  insecureRegistry: {}\n",
      stanza_comment, full_name(api_version), consumer.release, registry.str(), insecure() ? "true" : "false");
}

std::vector<std::string> RegistryConfiguration::warnings() const {
  std::vector<std::string> found;
  if (!consumer.api_versions.contains(full_name(api_version)))
    found.push_back(fmt::format("KubeOne {} does not load manifests of {}; it loads {}", consumer.release,
                                full_name(api_version),
                                join({consumer.api_versions.begin(), consumer.api_versions.end()}, " and ")));
  if (reach == Reach::tls_verified) return found;
  const bool plain = reach == Reach::plain_http;
  const bool means_http = consumer.insecure_registry == InsecureRegistry::plain_http;
  const std::string what = plain ? registry.host.str() + " speaks plain HTTP"
                                 : fmt::format("the TLS certificate of {} was not verified", registry.host.str());
  const std::string meaning = fmt::format("KubeOne {}{}", consumer.release,
                                          means_http ? "'s insecureRegistry means plain HTTP, not unverified TLS"
                                                     : "'s insecureRegistry means unverified TLS, not plain HTTP");
  const std::string certificate = plain ? "give the registry a TLS certificate"
                                        : "let the nodes trust the registry's certificate authority (see --cacert)";
  if (registry.prefix)
    found.push_back(fmt::format(
        "{}, and insecureRegistry has no effect in any KubeOne release if overwriteRegistry has a prefix (/{}): it "
        "is left false, and nodes cannot pull. Use {}--mirrors, or {}",
        what, registry.prefix->str(), plain == means_http ? "a registry without a prefix, or " : "", certificate));
  else if (plain != means_http)
    found.push_back(fmt::format("{}, and {}: nodes cannot pull. Use --mirrors, or {}", what, meaning, certificate));
  else if (!plain)
    found.push_back(what +
                    "; with insecureRegistry the cluster's nodes will not verify it either. "
                    "A certificate that the nodes trust is better: see --cacert");
  return found;
}

}  // namespace airlock::kubeone
