// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/credentials.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/process.hpp"
#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"

namespace airlock::registry {

namespace {

constexpr std::size_t max_config = 16U << 20;
constexpr std::size_t max_helper_answer = 1U << 20;

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
  return quirks::registry_of_credentials(to_lower(key.substr(0, slash)));
}

Secret secret_of(const JsonObject& entry, std::string_view key) {
  std::string text = entry.optional_string(key).value_or("");
  return Secret::take(text);
}

std::optional<Credentials> credentials_of(const JsonObject& entry) {
  Credentials found;
  found.identity_token = secret_of(entry, "identitytoken");
  const auto username = entry.optional_string("username");
  const auto encoded = secret_of(entry, "auth");
  if (username && entry.has("password")) {
    found.username = *username;
    found.password = secret_of(entry, "password");
  } else if (!encoded.empty()) {
    auto decoded = base64_decode(encoded.view());
    const Secret pair = decoded ? Secret::take(*decoded) : Secret();
    const auto colon = pair.view().find(':');
    if (colon == std::string_view::npos)
      throw Error(ErrorCode::usage, entry.where() + ": \"auth\" is not base64 of user:password");
    found.username = pair.view().substr(0, colon);
    found.password = Secret(pair.view().substr(colon + 1));
  } else if (found.identity_token.empty()) {
    return std::nullopt;
  }
  return found;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Files to read, the most important first.
std::vector<std::filesystem::path> config_files() {
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored))
      throw Error(ErrorCode::usage, fmt::format("REGISTRY_AUTH_FILE names {}, which does not exist", file))
          .hint("correct the variable, or unset it to use ~/.docker/config.json");
    return {file};
  }
  if (const std::string directory = variable("DOCKER_CONFIG"); !directory.empty())
    return {std::filesystem::path(directory) / "config.json"};
  std::vector<std::filesystem::path> files;
  if (const std::string runtime = variable("XDG_RUNTIME_DIR"); !runtime.empty())
    files.push_back(std::filesystem::path(runtime) / "containers" / "auth.json");
  if (const std::string home = variable("HOME"); !home.empty())
    files.push_back(std::filesystem::path(home) / ".docker" / "config.json");
  return files;
}

/// Asks docker-credential-`name`. Nothing when it has nothing for this host.
std::optional<Credentials> ask_helper(const std::string& name, const std::string& host,
                                      const std::filesystem::path& config) {
  const std::string program = "docker-credential-" + name;
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, fmt::format("{} names {} for {}, which {}", config.string(), program, host, why))
        .hint(fmt::format("try it by hand: echo {} | {} get", host, program));
  };
  if (!is_plain_name(name)) refuse("is no name of a program");
  auto result = run_process({program, "get"}, quirks::helper_key(host), max_helper_answer);
  if (!result) refuse("is not installed (not found in PATH)");
  if (result->status != 0) {
    if (quirks::helper_has_nothing(result->output)) return std::nullopt;
    refuse(fmt::format("failed with exit status {}: {}", result->status,
                       printable(trim(result->output.substr(0, result->output.find('\n'))))));
  }
  const WipedText wiped_text(result->output);
  try {
    Json json = parse_json(result->output, program);
    const WipedJson wiped(json);
    const JsonObject answer(json, program);
    const std::string username = answer.string("Username");
    answer.string("Secret");
    Secret secret = secret_of(answer, "Secret");
    if (username == "<token>") return Credentials{"", {}, std::move(secret)};
    return Credentials{username, std::move(secret), {}};
  } catch (const Error&) {
    // A parser's message may quote what it stumbled over.
    refuse("did not answer with the JSON that the protocol asks for");
  }
  return std::nullopt;
}

}  // namespace

CredentialStore::CredentialStore() : answers_(std::make_shared<Answers>()) {}

CredentialStore CredentialStore::from_environment() {
  CredentialStore store;
  std::error_code ignored;
  for (const auto& file : config_files())
    if (std::filesystem::exists(file, ignored)) store.files_.push_back(load(file));
  return store;
}

CredentialStore::File CredentialStore::load(const std::filesystem::path& path) {
  std::string text = read_file(path, max_config);
  const WipedText wiped_text(text);
  try {
    File file{path, {}, {}, {}};
    Json json = parse_json(text, path.string(), {max_config, 16});
    const WipedJson wiped(json);
    const JsonObject config(json, path.string());
    if (const auto auths = config.optional_object("auths"))
      for (const auto& [key, value] : auths->json().items()) {
        auto credentials = credentials_of(JsonObject(value, fmt::format("{}: {}", auths->where(), key)));
        const std::string host = host_of_key(key);
        if (credentials && !host.empty()) file.auths.insert_or_assign(host, std::move(*credentials));
      }
    if (const auto helpers = config.optional_object("credHelpers"))
      for (const auto& [key, helper] : helpers->string_map())
        if (const std::string host = host_of_key(key); !host.empty()) file.helpers.insert_or_assign(host, helper);
    file.store = config.optional_string("credsStore").value_or("");
    return file;
  } catch (const Error&) {
    // A parser's message may quote what it stumbled over, and this file holds passwords.
    throw Error(ErrorCode::usage, path.string() + " is not a Docker config.json that airlock can read")
        .hint("check it with: jq 'keys' " + shell_word(path.string()));
  }
}

void CredentialStore::set(const std::string& host, Credentials credentials) {
  given_.insert_or_assign(to_lower(host), std::move(credentials));
}

std::optional<Credentials> CredentialStore::find(const std::string& name) const {
  const std::string host = to_lower(name);
  if (const auto found = given_.find(host); found != given_.end()) return found->second;
  const std::lock_guard lock(answers_->mutex);  // held while a helper runs: others want the same answer
  if (const auto known = answers_->by_host.find(host); known != answers_->by_host.end()) return known->second;
  std::optional<Credentials> credentials;
  for (const File& file : files_) {
    const auto helper = file.helpers.find(host);
    const std::string& program = helper == file.helpers.end() ? file.store : helper->second;
    if (!program.empty()) credentials = ask_helper(program, host, file.path);
    const auto stored = file.auths.find(host);
    if (!credentials && stored != file.auths.end()) credentials = stored->second;
    if (credentials) break;
  }
  answers_->by_host.emplace(host, credentials);
  return credentials;
}

}  // namespace airlock::registry
