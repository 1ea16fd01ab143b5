// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/credentials.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <mutex>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "registry/credential_file.hpp"
#include "registry/credential_helper.hpp"

namespace airlock::registry {

/// What helpers have answered, by their name and the host.
struct CredentialStore::Answers {
  std::mutex mutex;  // held while a helper runs: others want the same answer
  std::map<std::pair<std::string, std::string>, FoundCredentials> known;
};

namespace {

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
  const auto add = [&](const std::filesystem::path& folder) { files.push_back(folder / "containers" / "auth.json"); };
  const std::string home = variable("HOME");
  if (const std::string runtime = variable("XDG_RUNTIME_DIR"); !runtime.empty()) add(runtime);
  if (const std::string config = variable("XDG_CONFIG_HOME"); !config.empty())
    add(config);
  else if (!home.empty())
    add(std::filesystem::path(home) / ".config");
  if (!home.empty()) files.push_back(std::filesystem::path(home) / ".docker" / "config.json");
  return files;
}

}  // namespace

CredentialStore::CredentialStore() : answers_(std::make_shared<Answers>()) {}
CredentialStore::CredentialStore(const CredentialStore&) = default;
CredentialStore::CredentialStore(CredentialStore&&) noexcept = default;
CredentialStore& CredentialStore::operator=(const CredentialStore&) = default;
CredentialStore& CredentialStore::operator=(CredentialStore&&) noexcept = default;
CredentialStore::~CredentialStore() = default;

CredentialStore CredentialStore::from_environment() {
  CredentialStore store;
  std::error_code ignored;
  for (const auto& file : config_files())
    if (std::filesystem::exists(file, ignored))
      store.files_.push_back(std::make_shared<const CredentialFile>(CredentialFile::read(file)));
  return store;
}

void CredentialStore::set(const std::string& host, Credentials credentials) {
  if (credentials.source.empty()) credentials.source = "--username";
  given_.insert_or_assign(credential_host(host), std::move(credentials));
}

FoundCredentials CredentialStore::look_up(const std::string& name, const std::string& repository) const {
  const std::string host = credential_host(name);
  FoundCredentials found;
  if (const auto given = given_.find(host); given != given_.end()) {
    if (!given->second.empty()) found.credentials = given->second;
    return found;
  }
  // True: that is it. Of several obstacles the first one is told.
  const auto take = [&](FoundCredentials&& more) {
    if (more.credentials) {
      found = {std::move(more.credentials), std::nullopt};
      return true;
    }
    if (!found.obstacle) found.obstacle = std::move(more.obstacle);
    return false;
  };
  const auto ask = [&](const CredentialFile& file, const std::string& helper) {
    const std::lock_guard lock(answers_->mutex);
    auto known = answers_->known.find({helper, host});
    if (known == answers_->known.end())
      known = answers_->known.emplace(std::pair(helper, host), ask_credential_helper(helper, host, file.path())).first;
    return known->second;
  };
  for (const auto& file : files_) {
    if (take(file->find(CredentialFile::Reach::repository, host, repository))) break;
    if (const std::string helper = file->helper(host); !helper.empty() && take(ask(*file, helper))) break;
    if (take(file->find(CredentialFile::Reach::host, host, repository))) break;
  }
  return found;
}

std::optional<Credentials> CredentialStore::find(const std::string& name, const std::string& repository) const {
  return look_up(name, repository).credentials;
}

}  // namespace airlock::registry
