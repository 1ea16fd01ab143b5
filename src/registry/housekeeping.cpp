// SPDX-License-Identifier: Apache-2.0
// What tidying up a registry asks: which tags there are, and to delete some.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "registry/api.hpp"
#include "registry/link_header.hpp"
#include "registry/quirks.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

namespace {

constexpr unsigned max_tag_pages = 1000;
constexpr std::size_t max_tags = 200'000;

/// `null` for none is what Go programs write.
void add_tags(const std::string& body, const std::string& what, std::vector<oci::Tag>& tags) {
  const Json page = parse_json(body, what);
  const auto list = page.is_object() ? page.find("tags") : page.end();
  if (!page.is_object() || list == page.end() || list->is_null()) return;
  for (const Json& tag : *list)
    if (const auto found = tag.is_string() ? oci::Tag::find(tag.get_ref<const std::string&>()) : std::nullopt)
      tags.push_back(*found);
}

}  // namespace

std::optional<std::vector<oci::Tag>> Client::tags(const Repository& repository) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const std::string what = "tags of " + repository.str();
  std::vector<oci::Tag> tags;
  std::string url = repository_url(endpoint, repository) + "/tags/list";
  for (unsigned page = 0; !url.empty(); ++page) {
    if (page == max_tag_pages || tags.size() > max_tags) session_->refuse(what + ": the list does not end");
    const HttpAnswer answer = session_->send(endpoint, pull_scope(endpoint.repository(repository.name)), [&] {
      HttpRequest request;
      request.url = url;
      return request;
    });
    if (page == 0 && answer.status == 404) return std::nullopt;
    if (answer.status != 200) session_->refuse(answer, what);
    add_tags(answer.body, what, tags);
    const auto next = answer.headers.contains("link") ? next_page(answer.headers.at("link")) : std::nullopt;
    url = next ? resolve_url(url, *next) : "";
    if (next && url.empty()) session_->refuse(what + ": the list continues at a malformed address");
  }
  return tags;
}

Client::DeleteResult Client::delete_manifest(const Repository& repository, const oci::ManifestId& id) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const HttpAnswer answer = session_->send(endpoint, delete_scope(endpoint.repository(repository.name)), [&] {
    HttpRequest request;
    request.method = "DELETE";
    request.url = fmt::format("{}/manifests/{}", repository_url(endpoint, repository), id.str());
    return request;
  });
  if (answer.ok()) return DeleteResult::deleted;
  if (quirks::deletes_not(answer, id.digest() == nullptr)) return DeleteResult::unsupported;
  if (answer.status == 404) return DeleteResult::absent;
  session_->refuse(answer, fmt::format("deleting {} of {}", id.str(), repository.str()));
}

}  // namespace airlock::registry
