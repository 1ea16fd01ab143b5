// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/types.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::registry {

Location Location::parse(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, "\"" + std::string(text) + "\" is not a registry: " + why)
        .hint("write HOST[:PORT][/PREFIX], for example registry.local:5000/kubernetes");
  };
  if (text.find("://") != std::string_view::npos) refuse("it is written without a scheme");
  const auto slash = text.find('/');
  Location location{std::string(text.substr(0, slash)), ""};
  if (slash != std::string_view::npos) location.prefix = text.substr(slash + 1);
  while (location.prefix.ends_with('/')) location.prefix.pop_back();
  if (!oci::is_registry(location.host)) refuse("\"" + location.host + "\" is not a host");
  if (!location.prefix.empty() && !oci::is_repository(location.prefix))
    refuse("\"" + location.prefix + "\" is not a repository prefix");
  return location;
}

std::string to_string(Reach reach) {
  switch (reach) {
    case Reach::tls_verified: return "TLS";
    case Reach::tls_unverified: return "TLS, certificate not verified";
    case Reach::plain_http: return "plain HTTP";
  }
  return "";
}

namespace {

/// The host that a key of `auths` means: Docker writes its hub's as a URL. Empty for a key that is for a namespace only
/// (containers-auth.json(5)): its password is not for the rest of the registry.
std::string host_of_key(std::string key) {
  bool url = false;
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) {
      key.erase(0, scheme.size());
      url = true;
    }
  const auto slash = key.find('/');
  if (slash != std::string::npos && !url) return {};
  key = to_lower(key.substr(0, slash));
  return key == "index.docker.io" || key == "registry-1.docker.io" ? "docker.io" : key;
}

std::optional<Credentials> credentials_of(const JsonObject& entry) {
  const auto username = entry.optional_string("username");
  const auto password = entry.optional_string("password");
  if (username && password) return Credentials{*username, *password};
  const auto encoded = entry.optional_string("auth");
  if (!encoded || encoded->empty()) return std::nullopt;
  const auto pair = base64_decode(*encoded);
  const auto colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos)
    throw Error(ErrorCode::usage, entry.where() + ": \"auth\" is not base64 of user:password");
  return Credentials{pair->substr(0, colon), pair->substr(colon + 1)};
}

std::filesystem::path config_file() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) return file;
  if (const std::string directory = variable("DOCKER_CONFIG"); !directory.empty())
    return std::filesystem::path(directory) / "config.json";
  if (const std::string home = variable("HOME"); !home.empty())
    return std::filesystem::path(home) / ".docker" / "config.json";
  return {};
}

}  // namespace

CredentialStore CredentialStore::from_environment() {
  CredentialStore store;
  const auto file = config_file();
  std::error_code ignored;
  if (std::getenv("REGISTRY_AUTH_FILE") != nullptr && !std::filesystem::exists(file, ignored))
    throw Error(ErrorCode::usage, "REGISTRY_AUTH_FILE names " + file.string() + ", which does not exist")
        .hint("correct the variable, or unset it to use ~/.docker/config.json");
  if (!file.empty() && std::filesystem::exists(file, ignored)) store.load(file);
  return store;
}

void CredentialStore::load(const std::filesystem::path& file) {
  const std::string text = read_file(file, 16U << 20);
  try {
    const Json json = parse_json(text, file.string(), {16U << 20, 16});
    const auto auths = JsonObject(json, file.string()).optional_object("auths");
    if (!auths) return;
    for (const auto& [key, value] : auths->json().items()) {
      const auto credentials = credentials_of(JsonObject(value, auths->where() + ": " + key));
      const std::string host = host_of_key(key);
      if (credentials && !host.empty()) by_host_.insert_or_assign(host, *credentials);
    }
  } catch (const Error&) {
    // A parser's message may quote what it stumbled over, and this file holds passwords.
    throw Error(ErrorCode::usage, file.string() + " is not a Docker config.json that airlock can read")
        .hint("check it with: jq .auths " + file.string());
  }
}

void CredentialStore::set(const std::string& host, Credentials credentials) {
  by_host_.insert_or_assign(to_lower(host), std::move(credentials));
}

std::optional<Credentials> CredentialStore::find(const std::string& host) const {
  const auto found = by_host_.find(to_lower(host));
  if (found == by_host_.end()) return std::nullopt;
  return found->second;
}

}  // namespace airlock::registry
