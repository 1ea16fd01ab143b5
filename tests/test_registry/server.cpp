// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>

#include "airlock/base/text.hpp"

namespace test_registry {

namespace {

constexpr std::size_t block = 256U << 10;

/// What is left of a body on its way, and where it breaks off.
struct Delivery {
  Bytes body;
  std::size_t from;
  std::size_t until;
  std::size_t drip;
};

ssize_t next_bytes(void* context, std::uint64_t position, char* into, std::size_t room) {
  const auto& delivery = *static_cast<Delivery*>(context);
  const std::size_t at = delivery.from + position;
  if (at >= delivery.until) return MHD_CONTENT_READER_END_WITH_ERROR;
  std::size_t size = std::min({room, delivery.until - at, block});
  if (delivery.drip > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    size = std::min(size, delivery.drip);
  }
  std::memcpy(into, delivery.body->data() + at, size);
  return static_cast<ssize_t>(size);
}

void end_delivery(void* context) { delete static_cast<Delivery*>(context); }

/// `bytes=A-` or `bytes=A-B`, as a pair of begin and end; nothing for anything else.
std::optional<std::pair<std::size_t, std::size_t>> parse_range(const std::string& text, std::size_t size) {
  if (!text.starts_with("bytes=")) return std::nullopt;
  const auto dash = text.find('-');
  const auto first = airlock::parse_number(std::string_view(text).substr(6, dash - 6));
  const auto last = airlock::parse_number(std::string_view(text).substr(dash + 1));
  if (!first || *first >= size) return std::nullopt;
  return std::pair{*first, last ? std::min<std::size_t>(*last + 1, size) : size};
}

MHD_Result keep_value(void* context, MHD_ValueKind kind, const char* name, const char* value) {
  auto& request = *static_cast<Request*>(context);
  auto& map = kind == MHD_HEADER_KIND ? request.headers : request.query;
  // Several scopes come as several parameters.
  std::string& kept = map[kind == MHD_HEADER_KIND ? airlock::to_lower(name) : name];
  kept += (kept.empty() ? "" : " ") + std::string(value == nullptr ? "" : value);
  return MHD_YES;
}

}  // namespace

struct Server::Call {
  MHD_Connection* connection;
  Request request;
  unsigned active;
};

Server::Server(Options options, Distance distance) : api_(std::move(options)), distance_(distance) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  daemon_ = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, nullptr,
                             nullptr, on_request, this, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
                             on_completed, this, MHD_OPTION_NOTIFY_CONNECTION, on_connection, this, MHD_OPTION_END);
  if (daemon_ == nullptr) throw std::runtime_error("cannot listen on 127.0.0.1");
  api_.set_port(port());
}

Server::~Server() { MHD_stop_daemon(daemon_); }

unsigned Server::port() const { return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port; }

void Server::on_connection(void* context, MHD_Connection* connection, void**, MHD_ConnectionNotificationCode code) {
  const unsigned rate = static_cast<Server*>(context)->distance_.bytes_per_second;
  if (rate == 0 || code != MHD_CONNECTION_NOTIFY_STARTED) return;
  const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  ::setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
}

MHD_Result Server::on_request(void* context, MHD_Connection* connection, const char* url, const char* method,
                              const char*, const char* data, std::size_t* size, void** call_place) {
  auto& self = *static_cast<Server*>(context);
  if (*call_place == nullptr) {
    auto* call = new Call{connection, {method, url, {}, {}, {}, Json::object()}, ++self.active_};
    *call_place = call;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, keep_value, &call->request);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_value, &call->request);
    if (!call->request.path.starts_with("/_control"))
      call->request.rule = self.rules_.take(call->request.method, call->request.path);
    return MHD_YES;
  }
  auto& call = *static_cast<Call*>(*call_place);
  if (*size == 0) return self.answer(call);
  const std::size_t given = *size;
  *size = 0;
  return self.take_body(call, data, given);
}

MHD_Result Server::take_body(Call& call, const char* data, std::size_t size) {
  Request& request = call.request;
  request.body.append(data, size);
  if (!request.rule.contains("cut_request")) return MHD_YES;
  const auto limit = request.rule["cut_request"].get<std::size_t>();
  if (request.body.size() < limit) return MHD_YES;
  request.body.resize(limit);
  api_.keep_upload(request);
  log(call, 0);
  return MHD_NO;  // closes the connection
}

void Server::on_completed(void* context, MHD_Connection*, void** call_place, MHD_RequestTerminationCode) {
  if (*call_place == nullptr) return;
  --static_cast<Server*>(context)->active_;
  delete static_cast<Call*>(*call_place);
  *call_place = nullptr;
}

std::size_t Server::log(const Call& call, const Json& status) {
  const Request& request = call.request;
  if (request.path.starts_with("/_control") || distance_.no_log) return 0;
  const std::lock_guard lock(mutex_);
  log_.push_back({{"method", request.method},
                  {"path", request.path},
                  {"authorization", request.header("authorization")},
                  {"range", request.header("range")},
                  {"content_range", request.header("content-range")},
                  {"scope", request.parameter("scope")},
                  {"mount", request.parameter("mount")},
                  {"form", request.path == "/token" ? request.body : ""},
                  {"size", request.body.size()},
                  {"active", call.active},
                  {"status", status}});
  return log_.size() - 1;
}

void Server::log_status(const Call& call, std::size_t entry, unsigned status) {
  if (call.request.path.starts_with("/_control") || distance_.no_log) return;
  const std::lock_guard lock(mutex_);
  if (entry < log_.size()) log_[entry]["status"] = status;  // else the log was emptied meanwhile
}

MHD_Result Server::answer(Call& call) {
  const Json& rule = call.request.rule;
  // Before any delay: a test that waits for a request does something while it is not answered.
  const std::size_t entry = log(call, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(rule.value("delay", 0U) + distance_.delay_ms));
  if (rule.value("expire", false)) api_.forget_tokens();
  Answer answer;
  if (rule.contains("status"))
    answer = {rule["status"].get<unsigned>(),
              {},
              text(rule.contains("body_size") ? std::string(rule["body_size"].get<std::size_t>(), 'x')
                                              : rule.value("body", ""))};
  else
    answer = call.request.path.starts_with("/_control") ? control(call.request) : api_.answer(call.request);
  const Json headers = rule.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) answer.headers[name] = value.get<std::string>();
  if (rule.contains("content_type")) answer.headers["Content-Type"] = rule["content_type"].get<std::string>();
  if (!answer.body) answer.body = text("");
  log_status(call, entry, answer.status);
  return deliver(call, std::move(answer));
}

MHD_Result Server::deliver(const Call& call, Answer answer) {
  const Json& rule = call.request.rule;
  if (rule.contains("flip") || rule.contains("short")) {
    std::string body = *answer.body;
    if (rule.contains("flip") && !body.empty()) body.at(rule["flip"].get<std::size_t>() % body.size()) ^= 1;
    if (rule.contains("short")) body.resize(body.size() - std::min(body.size(), rule["short"].get<std::size_t>()));
    answer.body = text(std::move(body));
  }
  const std::size_t size = answer.body->size();
  std::size_t from = 0;
  std::size_t end = size;
  const auto range = parse_range(call.request.header("range"), size);
  if (answer.status == 200 && range && !rule.value("ignore_range", false)) {
    std::tie(from, end) = *range;
    answer.status = 206;
    answer.headers["Content-Range"] =
        "bytes " + std::to_string(from) + "-" + std::to_string(end - 1) + "/" + std::to_string(size);
  }
  const std::size_t until = rule.contains("cut") ? std::min(end, from + rule["cut"].get<std::size_t>()) : end;
  const std::size_t length = end - from + rule.value("claim", std::size_t{0});
  auto* delivery = new Delivery{answer.body, from, until, rule.value("drip", std::size_t{0})};
  MHD_Response* response = MHD_create_response_from_callback(length, block, next_bytes, delivery, end_delivery);
  if (rule.value("http_1_0", false)) MHD_set_response_options(response, MHD_RF_HTTP_1_0_SERVER, MHD_RO_END);
  for (const auto& [name, value] : answer.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
  const MHD_Result queued = MHD_queue_response(call.connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

Answer Server::control(const Request& request) {
  if (request.path == "/_control/rules") rules_.replace(Json::parse(request.body));
  if (request.path == "/_control/uploads") return {200, {}, text(std::to_string(api_.open_uploads()))};
  const std::lock_guard lock(mutex_);
  if (request.path == "/_control/forget") log_ = Json::array();
  return {200, {{"Content-Type", "application/json"}}, text(log_.dump())};
}

}  // namespace test_registry
