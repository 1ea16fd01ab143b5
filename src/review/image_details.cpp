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

/// `https://USER:PASSWORD@HOST/`
bool has_login(const std::string& value) {
  const auto scheme = value.find("://");
  if (scheme == std::string::npos) return false;
  const std::string host = value.substr(scheme + 3, value.find_first_of("/?#", scheme + 3) - scheme - 3);
  const auto at = host.rfind('@');
  const auto colon = host.find(':');
  return at != std::string::npos && colon < at && colon + 1 < at && host[colon + 1] != '$';
}

bool looks_secret(const std::string& name, const std::string& value) {
  constexpr std::array words{"password",    "passwd",     "passphrase", "secret", "token", "apikey",  "api_key",
                             "private_key", "credential", "access_key", "_pass",  "_pwd",  "auth_key"};
  constexpr std::array beginnings{"ghp_", "github_pat_", "glpat-",   "AKIA",       "xoxb-",      "xoxp-",
                                  "hf_",  "sk_live_",    "rk_live_", "-----BEGIN", "eyJhbGciOi", "AIza"};
  if (value.empty()) return false;
  std::string lower = to_lower(name);
  // What breaks texts into words is no secret.
  for (auto at = lower.find("tokeniz"); at != std::string::npos; at = lower.find("tokeniz")) lower.erase(at, 7);
  if (has_login(value)) return true;
  // PASSWORD_FILE names a file.
  const bool names_file = lower.ends_with("_file") || lower.ends_with("_path") || lower.ends_with("_dir");
  return (!names_file && std::any_of(words.begin(), words.end(),
                                     [&](const char* word) { return lower.find(word) != std::string::npos; })) ||
         std::any_of(beginnings.begin(), beginnings.end(), [&](const char* start) { return value.starts_with(start); });
}

/// `NAME=VALUE NAME=VALUE` without the values; what follows is not looked at. `count`: how many there are at most.
std::string hide_values(std::string_view text, std::size_t count) {
  std::string shown;
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (; count > 0 && !text.empty(); --count) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) break;
    shown += std::string(text.substr(0, equals)) + "=… ";
    text.remove_prefix(equals + 1);
    // The value ends where the next name or, behind the last, the command begins.
    std::size_t end = text.size();
    for (auto space = text.find(' '); space != std::string_view::npos; space = text.find(' ', space + 1)) {
      std::size_t name = space + 1;
      while (name < text.size() && is_name(text[name])) ++name;
      const bool next = count > 1 && name > space + 1 && name < text.size() && text[name] == '=';
      if (!next && !(count == 1 && text.substr(space + 1).starts_with("/bin/"))) continue;
      end = space;
      break;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown + std::string(text);
}

/// BuildKit and Docker write what `ENV` sets, and build arguments: `RUN |1 TOKEN=… /bin/sh -c make`.
std::string without_values(const std::string& created_by) {
  constexpr std::string_view env = "ENV ";
  const auto begin = created_by.find_first_not_of(' ');
  const auto at = created_by.find(env);
  if (at != std::string::npos &&
      (at == begin || created_by.substr(0, at).ends_with("#(nop)  ") || created_by.substr(0, at).ends_with("#(nop) ")))
    return created_by.substr(0, at + env.size()) +
           std::string(trim(hide_values(std::string_view(created_by).substr(at + env.size()), created_by.size())));
  const auto bar = created_by.find('|');
  if (bar > 8) return created_by;  // also where there is none
  const auto space = created_by.find(' ', bar);
  const auto count = space == std::string::npos
                         ? std::nullopt
                         : parse_number(std::string_view(created_by).substr(bar + 1, space - bar - 1));
  if (!count) return created_by;
  return created_by.substr(0, space + 1) + hide_values(std::string_view(created_by).substr(space + 1), *count);
}

}  // namespace

bool ImageDetails::runs_as_root() const {
  std::string_view name = std::string_view(user).substr(0, user.find(':'));
  if (name.empty() || name == "root") return true;
  if (name.front() == '+' || name.front() == '-') name.remove_prefix(1);  // runtimes read it as a number
  return !name.empty() && name.find_first_not_of('0') == std::string_view::npos;
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
  if (const Json& check = member(run, "Healthcheck"); !check.is_null()) details.health_check = check.dump();
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
      details.history.push_back(
          {without_values(text_of(entry, "created_by")), empty.is_boolean() && empty.get<bool>()});
    }
  return details;
}

}  // namespace airlock::review
