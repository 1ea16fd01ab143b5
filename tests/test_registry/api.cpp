// SPDX-License-Identifier: Apache-2.0
#include "api.hpp"

#include <chrono>

#include "airlock/base/text.hpp"

namespace test_registry {

namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Answer error(unsigned status, const std::string& code) {
  const Json body{{"errors", Json::array({{{"code", code}, {"message", airlock::to_lower(code)}}})}};
  return {status, {{"Content-Type", "application/json"}}, text(body.dump())};
}

/// The last part of .../blobs/uploads/ID
std::string upload_id(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Bytes text(std::string content) { return std::make_shared<const std::string>(std::move(content)); }

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::string Request::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

void Api::forget_tokens() {
  const std::lock_guard lock(mutex_);
  tokens_.clear();
}

void Api::keep_upload(const Request& request) { store_.append_upload(upload_id(request.path), request.body); }

Answer Api::token(const Request& request) {
  const std::string given = request.header("authorization");
  const bool known = given == "Basic " + airlock::base64_encode(options_.login);
  std::string scope = request.parameter("scope");
  const bool oauth = request.method == "POST";
  if (oauth) {
    const std::string wanted = "refresh_token=" + options_.identity_token;
    if (options_.identity_token.empty() || request.body.find(wanted) == std::string::npos ||
        request.body.find("grant_type=refresh_token") == std::string::npos)
      return error(400, "invalid_grant");
  } else if (!known && (!given.empty() || !options_.anonymous_tokens || scope.find("push") != std::string::npos)) {
    return error(401, "UNAUTHORIZED");
  }
  const std::lock_guard lock(mutex_);
  const std::string token = "token-" + std::to_string(next_token_++);
  tokens_[token] = {scope, now() + options_.token_lifetime};
  const Json body{{oauth ? "access_token" : "token", token}, {"expires_in", options_.token_lifetime}};
  return {200, {{"Content-Type", "application/json"}}, text(body.dump())};
}

std::optional<Answer> Api::refuse_unauthorized(const Request& request) {
  if (options_.auth == "none") return std::nullopt;
  const std::string given = request.header("authorization");
  Answer refusal = error(401, "UNAUTHORIZED");
  if (options_.auth == "basic") {
    if (given == "Basic " + airlock::base64_encode(options_.login)) return std::nullopt;
    refusal.headers["WWW-Authenticate"] = "Basic realm=\"test\"";
    return refusal;
  }
  const std::lock_guard lock(mutex_);
  const auto token = given.starts_with("Bearer ") ? tokens_.find(given.substr(7)) : tokens_.end();
  if (token != tokens_.end() && token->second.second > now()) return std::nullopt;
  const std::string realm = options_.realm.empty() ? own_url_ : options_.realm;
  refusal.headers["WWW-Authenticate"] = "Bearer realm=\"" + realm + "/token\",service=\"test\",scope=\"as asked\"";
  return refusal;
}

Answer Api::answer(const Request& request) {
  const std::string& path = request.path;
  if (path == "/token") return token(request);
  if (!path.starts_with("/v2/")) return error(404, "NOT_FOUND");
  if (auto refusal = refuse_unauthorized(request)) return *refusal;
  if (options_.max_body > 0 && request.body.size() > options_.max_body) return error(413, "SIZE_INVALID");
  if (path == "/v2/") return {200, {}, text("{}")};
  for (const std::string kind : {"/blobs/uploads/", "/blobs/", "/manifests/", "/referrers/"}) {
    const auto at = path.find(kind);
    if (at == std::string::npos) continue;
    const std::string repository = path.substr(4, at - 4);
    const std::string rest = path.substr(at + kind.size());
    if (kind == "/blobs/uploads/") return upload(request, repository, rest);
    if (kind == "/blobs/") return blob(repository, rest);
    if (kind == "/referrers/") return referrers(request, repository, rest);
    return manifest(request, repository, rest);
  }
  return error(404, "NOT_FOUND");
}

Answer Api::blob(const std::string& repository, const std::string& digest) {
  const Bytes bytes = store_.blob(repository, digest);
  if (!bytes) return error(404, "BLOB_UNKNOWN");
  return {200, {{"Content-Type", "application/octet-stream"}, {"Docker-Content-Digest", digest}}, bytes};
}

std::string Api::upload_location(const std::string& repository, const std::string& id) const {
  return (options_.absolute_locations ? own_url_ : "") + "/v2/" + repository + "/blobs/uploads/" + id;
}

Answer Api::upload(const Request& request, const std::string& repository, const std::string& id) {
  if (request.method == "POST") {
    if (!request.rule.value("no_mount", false) &&
        store_.mount(repository, request.parameter("mount"), request.parameter("from")))
      return {201, {}, nullptr};
    Answer opened{202, {{"Location", upload_location(repository, store_.new_upload())}}, nullptr};
    if (options_.chunk_min > 0) opened.headers["OCI-Chunk-Min-Length"] = std::to_string(options_.chunk_min);
    return opened;
  }
  const auto held = store_.upload(id);
  if (!held) return error(404, "BLOB_UPLOAD_UNKNOWN");
  const std::string last = std::to_string(held->empty() ? 0 : held->size() - 1);
  if (request.method == "GET")
    return {204, {{"Location", upload_location(repository, id)}, {"Range", "0-" + last}}, nullptr};
  if (request.method != "DELETE") return continue_upload(request, repository, id, held->size());
  store_.end_upload(id);
  return {204, {}, nullptr};
}

Answer Api::continue_upload(const Request& request, const std::string& repository, const std::string& id,
                            std::size_t before) {
  const std::string range = request.header("content-range");
  if (!range.empty() && !range.starts_with(std::to_string(before) + "-")) return error(416, "BLOB_UPLOAD_INVALID");
  if (request.method == "PUT" && options_.chunks_only && !request.body.empty()) return error(405, "UNSUPPORTED");
  store_.append_upload(id, request.body);
  const std::string content = *store_.upload(id);
  if (request.method == "PATCH")
    return {202,
            {{"Location", upload_location(repository, id)}, {"Range", "0-" + std::to_string(content.size() - 1)}},
            nullptr};
  store_.end_upload(id);
  if (!store_.put_blob(repository, request.parameter("digest"), content)) return error(400, "DIGEST_INVALID");
  return {201, {}, nullptr};
}

Answer Api::manifest(const Request& request, const std::string& repository, const std::string& reference) {
  if (request.method == "PUT") {
    const auto digest = store_.put_manifest(repository, reference, request.header("content-type"), request.body);
    if (!digest) return error(400, "DIGEST_INVALID");
    Answer stored{201, {{"Docker-Content-Digest", *digest}}, nullptr};
    const Json body = Json::parse(request.body, nullptr, false);
    if (options_.referrers && body.is_object() && body.contains("subject"))
      stored.headers["OCI-Subject"] = body["subject"].value("digest", "");
    return stored;
  }
  const auto manifest = store_.manifest(repository, reference);
  if (!manifest) return error(404, "MANIFEST_UNKNOWN");
  return {200, {{"Content-Type", manifest->media_type}, {"Docker-Content-Digest", manifest->digest}}, manifest->bytes};
}

Answer Api::referrers(const Request& request, const std::string& repository, const std::string& digest) {
  if (!options_.referrers) return error(404, "NOT_FOUND");
  const Json all = store_.referrers(repository, digest);
  const std::size_t page = request.parameter("page").empty() ? 0 : std::stoul(request.parameter("page"));
  const std::string type = "application/vnd.oci.image.index.v1+json";
  Json index{{"schemaVersion", 2}, {"mediaType", type}, {"manifests", Json::array()}};
  if (page < all.size()) index["manifests"].push_back(all[page]);
  Answer answer{200, {{"Content-Type", type}}, text(index.dump())};
  if (page + 1 < all.size())
    answer.headers["Link"] = "<" + request.path + "?page=" + std::to_string(page + 1) + ">; rel=\"next\"";
  return answer;
}

}  // namespace test_registry
