// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/image_details.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/image_config.hpp"
#include "review/lenient_json.hpp"

namespace airlock::review {

namespace {

std::vector<std::string> texts(const Json& object, const char* key) {
  std::vector<std::string> list;
  const Json& value = member(object, key);
  if (value.is_string()) list.push_back(value.get<std::string>());
  if (value.is_array())
    for (const Json& entry : value)
      if (entry.is_string()) list.push_back(entry.get<std::string>());
  return list;
}

std::vector<std::string> keys(const Json& object, const char* key) {
  std::vector<std::string> list;
  const Json& value = member(object, key);
  if (value.is_object())
    for (const auto& [name, ignored] : value.items()) list.push_back(name);
  return list;
}

bool looks_secret(const std::string& name, const std::string& value) {
  constexpr std::array words{"password", "passwd",      "secret",     "token",     "apikey",
                             "api_key",  "private_key", "credential", "access_key"};
  constexpr std::array beginnings{"ghp_", "github_pat_", "glpat-", "AKIA", "xoxb-", "-----BEGIN", "eyJhbGciOi"};
  if (value.empty()) return false;
  const std::string lower = to_lower(name);
  // PASSWORD_FILE names a file.
  const bool names_file = lower.ends_with("_file") || lower.ends_with("_path") || lower.ends_with("_dir");
  return (!names_file && std::any_of(words.begin(), words.end(),
                                     [&](const char* word) { return lower.find(word) != std::string::npos; })) ||
         std::any_of(beginnings.begin(), beginnings.end(), [&](const char* start) { return value.starts_with(start); });
}

}  // namespace

bool ImageDetails::runs_as_root() const {
  const std::string name = user.substr(0, user.find(':'));
  return name.empty() || name == "0" || name == "root";
}

std::string ImageDetails::label(const std::string& name) const {
  for (const char* prefix : {"org.opencontainers.image.", "org.label-schema."})
    if (const auto found = labels.find(prefix + name); found != labels.end()) return found->second;
  return {};
}

ImageDetails ImageDetails::parse(std::string_view config) {
  const Json root = parse_json(config, "config", {oci::max_config_size, 64});
  const Json& run = member(root, "config");
  ImageDetails details;
  details.created = text_of(root, "created");
  details.architecture = text_of(root, "architecture");
  details.os = text_of(root, "os");
  details.user = text_of(run, "User");
  details.working_directory = text_of(run, "WorkingDir");
  details.stop_signal = text_of(run, "StopSignal");
  details.entrypoint = texts(run, "Entrypoint");
  details.command = texts(run, "Cmd");
  details.ports = keys(run, "ExposedPorts");
  details.volumes = keys(run, "Volumes");
  for (const std::string& variable : texts(run, "Env")) {
    const auto equals = std::min(variable.find('='), variable.size());
    const std::string value = equals < variable.size() ? variable.substr(equals + 1) : "";
    const std::string name = variable.substr(0, equals);
    details.environment.push_back({name, !value.empty(), looks_secret(name, value), oci::sha256(value)});
  }
  const Json& labels = member(run, "Labels");
  if (labels.is_object())
    for (const auto& [name, value] : labels.items())
      if (value.is_string()) details.labels.emplace(name, value.get<std::string>());
  const Json& history = member(root, "history");
  if (history.is_array())
    for (const Json& entry : history) {
      const Json& empty = member(entry, "empty_layer");
      details.history.push_back({text_of(entry, "created_by"), empty.is_boolean() && empty.get<bool>()});
    }
  return details;
}

}  // namespace airlock::review
