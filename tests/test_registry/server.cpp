// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>

#include "airlock/base/text.hpp"

namespace test_registry {

namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Bytes text(std::string content) { return std::make_shared<const std::string>(std::move(content)); }

Answer error(unsigned status, const std::string& code) {
  const Json body{{"errors", Json::array({{{"code", code}, {"message", airlock::to_lower(code)}}})}};
  return {status, {{"Content-Type", "application/json"}}, text(body.dump())};
}

/// What is left of a body on its way, and where it breaks off.
struct Delivery {
  Bytes body;
  std::size_t from;
  std::size_t until;
};

ssize_t deliver(void* context, std::uint64_t position, char* into, std::size_t room) {
  const auto& delivery = *static_cast<Delivery*>(context);
  const std::size_t at = delivery.from + position;
  if (at >= delivery.until) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::size_t size = std::min({room, delivery.until - at, std::size_t{65536}});
  std::memcpy(into, delivery.body->data() + at, size);
  return static_cast<ssize_t>(size);
}

void end_delivery(void* context) { delete static_cast<Delivery*>(context); }

}  // namespace

std::string Request::header(const char* name) const {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

std::string Request::query(const char* name) const {
  const char* value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
  return value == nullptr ? "" : value;
}

Server::Server(Options options) : options_(std::move(options)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  daemon_ = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, nullptr,
                             nullptr, on_request, this, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
                             on_completed, this, MHD_OPTION_END);
  if (daemon_ == nullptr) throw std::runtime_error("cannot listen on 127.0.0.1");
}

Server::~Server() { MHD_stop_daemon(daemon_); }

unsigned Server::port() const { return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port; }

MHD_Result Server::on_request(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                              const char* data, std::size_t* size, void** context) {
  if (*context == nullptr) {
    *context = new Request{connection, method, url, ""};
    return MHD_YES;
  }
  auto& request = *static_cast<Request*>(*context);
  if (*size > 0) {
    request.body.append(data, *size);
    *size = 0;
    return MHD_YES;
  }
  return static_cast<Server*>(self)->answer(request);
}

void Server::on_completed(void*, MHD_Connection*, void** context, MHD_RequestTerminationCode) {
  delete static_cast<Request*>(*context);
  *context = nullptr;
}

void Server::log(const Request& request, unsigned status) {
  if (request.path.starts_with("/_control")) return;
  const std::lock_guard lock(mutex_);
  log_.push_back({{"method", request.method},
                  {"path", request.path},
                  {"authorization", request.header("Authorization")},
                  {"range", request.header("Range")},
                  {"scope", request.query("scope")},
                  {"mount", request.query("mount")},
                  {"size", request.body.size()},
                  {"status", status}});
}

MHD_Result Server::answer(const Request& request) {
  const Json rule = request.path.starts_with("/_control") ? Json::object() : rules_.take(request.method, request.path);
  std::this_thread::sleep_for(std::chrono::milliseconds(rule.value("delay", 0)));
  Answer answer = rule.contains("status") ? Answer{rule["status"].get<unsigned>(), {}, text(rule.value("body", ""))}
                                          : route(request);
  const Json headers = rule.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) answer.headers[name] = value.get<std::string>();
  if (rule.contains("content_type")) answer.headers["Content-Type"] = rule["content_type"].get<std::string>();
  if (!answer.body) answer.body = text("");
  log(request, answer.status);

  std::string body = *answer.body;
  if (rule.contains("flip") && !body.empty()) body.at(rule["flip"].get<std::size_t>() % body.size()) ^= 1;
  if (rule.contains("short")) body.resize(body.size() - std::min(body.size(), rule["short"].get<std::size_t>()));
  std::size_t from = 0;
  const std::string range = request.header("Range");
  if (answer.status == 200 && range.starts_with("bytes=") && !rule.value("ignore_range", false)) {
    from = std::min<std::size_t>(std::stoul(range.substr(6)), body.size());
    answer.status = 206;
    answer.headers["Content-Range"] =
        "bytes " + std::to_string(from) + "-" + std::to_string(body.size() - 1) + "/" + std::to_string(body.size());
  }
  const std::size_t until =
      rule.contains("cut") ? std::min(body.size(), from + rule["cut"].get<std::size_t>()) : body.size();
  const std::size_t length = body.size() - from;
  auto* delivery = new Delivery{text(std::move(body)), from, until};
  MHD_Response* response = MHD_create_response_from_callback(length, 65536, deliver, delivery, end_delivery);
  for (const auto& [name, value] : answer.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
  const MHD_Result queued = MHD_queue_response(request.connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

Answer Server::control(const Request& request) {
  if (request.path == "/_control/rules") rules_.replace(Json::parse(request.body));
  if (request.path == "/_control/uploads") return {200, {}, text(std::to_string(store_.open_uploads()))};
  const std::lock_guard lock(mutex_);
  if (request.path == "/_control/forget") log_ = Json::array();
  if (request.path == "/_control/expire") tokens_.clear();
  return {200, {{"Content-Type", "application/json"}}, text(log_.dump())};
}

Answer Server::token(const Request& request) {
  const std::string given = request.header("Authorization");
  const bool known = given == "Basic " + airlock::base64_encode(options_.login);
  const std::string scope = request.query("scope");
  if (!known && (!given.empty() || !options_.anonymous_tokens || scope.find("push") != std::string::npos))
    return error(401, "UNAUTHORIZED");
  const std::lock_guard lock(mutex_);
  const std::string token = "token-" + std::to_string(next_token_++);
  tokens_[token] = {scope, now() + options_.token_lifetime};
  const Json body{{"token", token}, {"expires_in", options_.token_lifetime}};
  return {200, {{"Content-Type", "application/json"}}, text(body.dump())};
}

std::optional<Answer> Server::refuse_unauthorized(const Request& request) {
  if (options_.auth == "none") return std::nullopt;
  const std::string given = request.header("Authorization");
  Answer refusal = error(401, "UNAUTHORIZED");
  if (options_.auth == "basic") {
    if (given == "Basic " + airlock::base64_encode(options_.login)) return std::nullopt;
    refusal.headers["WWW-Authenticate"] = "Basic realm=\"test\"";
    return refusal;
  }
  const std::lock_guard lock(mutex_);
  const auto token = given.starts_with("Bearer ") ? tokens_.find(given.substr(7)) : tokens_.end();
  if (token != tokens_.end() && token->second.second > now()) return std::nullopt;
  const std::string realm = options_.realm.empty() ? "http://127.0.0.1:" + std::to_string(port()) : options_.realm;
  refusal.headers["WWW-Authenticate"] = "Bearer realm=\"" + realm + "/token\",service=\"test\",scope=\"as asked\"";
  return refusal;
}

Answer Server::route(const Request& request) {
  const std::string& path = request.path;
  if (path.starts_with("/_control/")) return control(request);
  if (path == "/token") return token(request);
  if (!path.starts_with("/v2/")) return error(404, "NOT_FOUND");
  if (auto refusal = refuse_unauthorized(request)) return *refusal;
  if (path == "/v2/") return {200, {}, text("{}")};
  for (const std::string kind : {"/blobs/uploads/", "/blobs/", "/manifests/"}) {
    const auto at = path.find(kind);
    if (at == std::string::npos) continue;
    const std::string repository = path.substr(4, at - 4);
    const std::string rest = path.substr(at + kind.size());
    if (kind == "/blobs/uploads/") return upload(request, repository, rest);
    if (kind == "/blobs/") return blob(request, repository, rest);
    return manifest(request, repository, rest);
  }
  return error(404, "NOT_FOUND");
}

Answer Server::blob(const Request&, const std::string& repository, const std::string& digest) {
  const Bytes bytes = store_.blob(repository, digest);
  if (!bytes) return error(404, "BLOB_UNKNOWN");
  return {200, {{"Content-Type", "application/octet-stream"}, {"Docker-Content-Digest", digest}}, bytes};
}

Answer Server::upload(const Request& request, const std::string& repository, const std::string& id) {
  if (request.method == "POST") {
    if (store_.mount(repository, request.query("mount"), request.query("from"))) return {201, {}, nullptr};
    return {202, {{"Location", "/v2/" + repository + "/blobs/uploads/" + store_.new_upload()}}, nullptr};
  }
  if (!store_.end_upload(id)) return error(404, "BLOB_UPLOAD_UNKNOWN");
  if (request.method == "DELETE") return {204, {}, nullptr};
  if (!store_.put_blob(repository, request.query("digest"), request.body)) return error(400, "DIGEST_INVALID");
  return {201, {}, nullptr};
}

Answer Server::manifest(const Request& request, const std::string& repository, const std::string& reference) {
  if (request.method == "PUT") {
    const auto digest = store_.put_manifest(repository, reference, request.header("Content-Type"), request.body);
    if (!digest) return error(400, "DIGEST_INVALID");
    return {201, {{"Docker-Content-Digest", *digest}}, nullptr};
  }
  const auto manifest = store_.manifest(repository, reference);
  if (!manifest) return error(404, "MANIFEST_UNKNOWN");
  return {200, {{"Content-Type", manifest->media_type}, {"Docker-Content-Digest", manifest->digest}}, manifest->bytes};
}

}  // namespace test_registry
