// SPDX-License-Identifier: Apache-2.0
#include "registry/credential_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "registry/quirks.hpp"

namespace airlock::registry {

namespace {

constexpr std::size_t max_config = 16U << 20;

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string credential_host(std::string_view host) {
  std::string lower = to_lower(host);
  constexpr std::string_view tls_port = ":443";
  if (lower.ends_with(tls_port)) lower.erase(lower.size() - tls_port.size());
  return quirks::registry_of_credentials(lower);
}

std::optional<CredentialKey> CredentialKey::parse(std::string_view text) {
  CredentialKey key;
  std::string_view rest = trim(text);
  const std::string_view whole = rest;
  if (take_prefix(rest, "https://")) key.form = Form::url;
  if (key.form == Form::host && take_prefix(rest, "http://")) key.form = Form::plain_url;
  const auto slash = rest.find('/');
  const std::string_view host = rest.substr(0, slash);
  if (host.empty()) return std::nullopt;
  key.host = credential_host(host);
  if (whole == quirks::helper_key(key.host)) {
    key.form = Form::own;
    return key;
  }
  if (slash == std::string_view::npos) return key;
  std::string_view path = rest.substr(slash + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) {
    if (key.form == Form::host) key.form = Form::slash;
    return key;
  }
  if (path == "v1" || path == "v2") {
    if (key.form != Form::plain_url) key.form = Form::api;
    return key;
  }
  if (path.starts_with("v1/")) return std::nullopt;
  take_prefix(path, "v2/");
  key.path = path;
  return key;
}

namespace {

/// Part by part, as kubelet does it: `*.example.com` is no pattern for a.b.example.com.
bool host_matches(const std::string& pattern, const std::string& host) {
  const auto parts = split(pattern, '.');
  const auto of_host = split(host, '.');
  return std::ranges::equal(parts, of_host, [](const auto& a, const auto& b) { return glob_match(a, b); });
}

}  // namespace

bool CredentialKey::fits(const std::string& wanted, std::string_view repository) const {
  if (is_pattern() ? !host_matches(host, wanted) : host != wanted) return false;
  if (path.empty()) return true;
  if (!take_prefix(repository, path)) return false;
  return repository.empty() || repository.front() == '/';
}

bool CredentialKey::is_more_exact_than(const CredentialKey& other) const {
  const auto rank = [](const CredentialKey& key) {
    return std::tuple(-static_cast<long>(key.path.size()), key.is_pattern(), -static_cast<long>(key.host.size()),
                      key.form);
  };
  return rank(*this) < rank(other);
}

namespace {

/// A member that is a text; empty for null, other types and absence. Files of others hold all of these.
std::string text_member(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

Secret secret_member(const Json& object, const char* key) {
  std::string text = text_member(object, key);
  return Secret::take(text);
}

/// base64 as it is found in such files: broken into lines (github.com/kubernetes/kubernetes/pull/85687), without
/// padding (github.com/fsouza/go-dockerclient/pull/820), in the alphabet for URLs.
std::optional<std::string> decode_loosely(std::string_view text) {
  std::string plain;
  plain.reserve(text.size() + 4);  // so that no copy of it is left unwiped
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '=') continue;
    plain += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (plain.size() % 4 != 0) plain += '=';
  const WipedText wiped(plain);
  return base64_decode(plain);
}

/// The user and password of `auth`; false where it is something else.
bool read_pair(const Secret& encoded, Credentials& into) {
  auto decoded = decode_loosely(encoded.view());
  if (!decoded) return false;
  const Secret pair = Secret::take(*decoded);
  const auto colon = pair.view().find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view password = pair.view().substr(colon + 1);
  while (password.ends_with('\0'))
    password.remove_suffix(1);  // as Docker does (github.com/spring-projects/spring-boot/pull/45290)
  into.username = pair.view().substr(0, colon);
  into.password = Secret(password);
  return true;
}

/// What an entry of `auths` holds. Where it is both, `auth` comes before user name and password, as with Docker.
/// `flaw` says why there is nothing, where something was meant.
std::optional<Credentials> read_entry(const Json& entry, std::string& flaw) {
  if (entry.is_null()) return std::nullopt;
  if (!entry.is_object()) {
    flaw = "is no JSON object";
    return std::nullopt;
  }
  Credentials found;
  found.identity_token = secret_member(entry, "identitytoken");
  found.registry_token = secret_member(entry, "registrytoken");
  const Secret encoded = secret_member(entry, "auth");
  const bool readable = encoded.empty() || read_pair(encoded, found);
  if (Secret password = secret_member(entry, "password"); !found.has_login() && !password.empty()) {
    found.username = text_member(entry, "username");
    found.password = std::move(password);
  } else if (found.username.empty()) {
    found.username = text_member(entry, "username");
  }
  if (!found.empty()) return found;
  if (!readable)
    flaw = "has an \"auth\" that is not base64 of user:password";
  else if (!found.username.empty())
    flaw = "has a user name without a password";
  return std::nullopt;
}

}  // namespace

CredentialFile CredentialFile::read(const std::filesystem::path& path) {
  std::string text = read_file(path, max_config);
  return parse(path, text);
}

CredentialFile CredentialFile::parse(const std::filesystem::path& path, std::string& text) {
  const WipedText wiped_text(text);
  CredentialFile file;
  file.path_ = path;
  std::string_view content = text;
  take_prefix(content, "\xEF\xBB\xBF");
  if (trim(content).empty()) return file;
  Json config = Json::parse(content, nullptr, false);
  const WipedJson wiped(config);
  if (config.is_null()) return file;
  // A parser's message may quote what it stumbled over, and this file holds passwords.
  if (!config.is_object())
    throw Error(ErrorCode::usage, path.string() + " is not a Docker config.json that airlock can read")
        .hint("check it with: jq 'keys' " + shell_word(path.string()));
  if (const auto auths = config.find("auths"); auths != config.end() && auths->is_object())
    for (const auto& [name, value] : auths->items()) {
      const auto key = CredentialKey::parse(name);
      if (!key) continue;
      Entry entry{*key, name, std::nullopt, ""};
      entry.credentials = read_entry(value, entry.flaw);
      if (entry.credentials)
        entry.credentials->source = fmt::format("{}, entry {}", path.string(), printable(name, 80));
      if (entry.credentials || !entry.flaw.empty()) file.auths_.push_back(std::move(entry));
    }
  std::ranges::stable_sort(file.auths_, [](const Entry& a, const Entry& b) { return a.key.is_more_exact_than(b.key); });
  if (const auto helpers = config.find("credHelpers"); helpers != config.end() && helpers->is_object())
    for (const auto& [name, helper] : helpers->items())
      if (const auto key = CredentialKey::parse(name); key && key->path.empty() && helper.is_string())
        file.helpers_.insert_or_assign(key->host, helper.get<std::string>());
  file.store_ = text_member(config, "credsStore");
  return file;
}

FoundCredentials CredentialFile::find(Reach reach, const std::string& host, std::string_view repository) const {
  FoundCredentials found;
  for (const Entry& entry : auths_) {
    if (entry.key.path.empty() != (reach == Reach::host) || !entry.key.fits(host, repository)) continue;
    if (entry.credentials) {
      found.credentials = entry.credentials;
      found.obstacle.reset();
      return found;
    }
    if (!found.obstacle)
      found.obstacle = Error(ErrorCode::usage, fmt::format("{}: the entry {} of `auths` {}", path_.string(),
                                                           printable(entry.name, 80), entry.flaw))
                           .hint("log in anew with the tool that wrote it, or take the entry out");
  }
  return found;
}

std::string CredentialFile::helper(const std::string& host) const {
  const auto own = helpers_.find(host);
  return own == helpers_.end() ? store_ : own->second;
}

}  // namespace airlock::registry
