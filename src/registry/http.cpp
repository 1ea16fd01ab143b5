// SPDX-License-Identifier: Apache-2.0
#include "registry/http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/handle.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "registry/connect_failure.hpp"
#include "registry/handle_pool.hpp"

namespace airlock::registry {

namespace {

constexpr long connect_timeout_s = 15;
// A transfer that falls below the floor is dropped, and resumed from where it stood: another connection may do
// better. There is no limit to the whole, which would only punish large blobs. After the last byte of an upload the
// registry may have to copy it to its own storage before it answers.
constexpr std::int64_t floor_per_second = 1024;
constexpr std::chrono::minutes commit_limit{15};
constexpr long receive_buffer = 256L << 10;
constexpr std::size_t max_headers = 256U << 10;

/// One of the lines may be a password.
void wipe_and_free(curl_slist* list) {
  for (curl_slist* line = list; line != nullptr; line = line->next) wipe(line->data, std::strlen(line->data));
  curl_slist_free_all(list);
}
using HeaderList = std::unique_ptr<curl_slist, Releaser<wipe_and_free>>;

/// What the callbacks of one request share. Exceptions must not pass through libcurl: they wait here.
struct Exchange {
  CURL* easy;
  const HttpRequest& request;
  std::chrono::seconds stall_timeout;
  HttpAnswer answer{};
  bool satisfied = false;  // the sink has all that it wants
  std::size_t header_bytes = 0;
  std::size_t body_text_done = 0;
  bool too_large = false;
  bool stalled = false;
  bool committing = false;  // all is sent, and nothing has come yet
  curl_off_t moved = 0;     // bytes, both ways, when the present window began
  std::chrono::steady_clock::time_point window_began = std::chrono::steady_clock::now();
  std::exception_ptr thrown{};

  template <typename Action>
  std::size_t guarded(std::size_t on_error, Action&& action) noexcept {
    try {
      return action();
    } catch (...) {
      thrown = std::current_exception();
      return on_error;
    }
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  return exchange.guarded(size == 0 ? 1 : 0, [&]() -> std::size_t {
    long status = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    const bool success = status >= 200 && status < 300;
    if (success && exchange.request.sink) {
      if (exchange.answer.status == 0) {
        exchange.answer.status = status;
        if (exchange.request.before_sink) exchange.request.before_sink(exchange.answer);
      }
      exchange.satisfied = !exchange.request.sink({data, size});
      return exchange.satisfied ? (size == 0 ? 1 : 0) : size;
    }
    // The body of a failure is only for a message: what is past the limit is dropped, not held against the answer.
    const std::size_t limit = success ? exchange.request.max_body : 16U << 10;
    std::string& body = exchange.answer.body;
    if (success && body.size() + size > limit) {
      exchange.too_large = true;
      return size == 0 ? 1 : 0;
    }
    body.append(data, std::min(size, limit - std::min(limit, body.size())));
    return size;
  });
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  return exchange.guarded(0, [&]() -> std::size_t {
    const std::string_view line = trim({data, size});
    if (line.starts_with("HTTP/")) exchange.answer.headers.clear();  // an answer before the final one, such as 100
    exchange.header_bytes += size;
    if (exchange.header_bytes > max_headers) return 0;
    const auto colon = line.find(':');
    if (colon != std::string_view::npos)
      exchange.answer.headers[to_lower(line.substr(0, colon))].emplace_back(trim(line.substr(colon + 1)));
    return size;
  });
}

std::size_t on_read(char* into, std::size_t, std::size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  return exchange.guarded(CURL_READFUNC_ABORT, [&]() -> std::size_t {
    if (exchange.request.body) return exchange.request.body(into, size);
    const std::string_view rest = std::string_view(exchange.request.body_text).substr(exchange.body_text_done);
    const auto piece = rest.substr(0, size);
    std::memcpy(into, piece.data(), piece.size());
    exchange.body_text_done += piece.size();
    return piece.size();
  });
}

/// Whether the registry has all of a PUT or PATCH, and may be at work on it. The PUT that ends a chunked upload is
/// empty.
bool is_committing(const HttpRequest& request, curl_off_t down, curl_off_t up) {
  const std::uint64_t size = request.body ? request.body_size : request.body_text.size();
  return (request.method == "PUT" || request.method == "PATCH") && down == 0 && static_cast<std::uint64_t>(up) >= size;
}

int on_progress(void* context, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& exchange = *static_cast<Exchange*>(context);
  const auto now = std::chrono::steady_clock::now();
  const bool committing = is_committing(exchange.request, down, up);
  const auto window = committing ? std::chrono::seconds(commit_limit) : exchange.stall_timeout;
  // What begins now is not to be judged by the time before it.
  const bool changed = std::exchange(exchange.committing, committing) != committing;
  if (changed || now - exchange.window_began > window) {
    exchange.stalled = !changed && (committing || down + up - exchange.moved < floor_per_second * window.count());
    exchange.moved = down + up;
    exchange.window_began = now;
  }
  return interrupted() || exchange.stalled ? 1 : 0;
}

HttpAnswer::Failure classify_handshake(const std::string& text) {
  const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
  if (says("reset") || says("SYSCALL") || says("unexpected eof") || says("timed out"))
    return HttpAnswer::Failure::handshake;
  return HttpAnswer::Failure::tls;
}

HttpAnswer::Failure classify(CURLcode code, const std::string& text) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR: return classify_handshake(text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR: return HttpAnswer::Failure::tls;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:  // a kept connection was closed under an upload; the next attempt reads the body anew
    case CURLE_UPLOAD_FAILED:
    case CURLE_PROXY:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_WEIRD_SERVER_REPLY: return HttpAnswer::Failure::transient;
    default: return HttpAnswer::Failure::permanent;
  }
}

void set_body(CURL* easy, const HttpRequest& request) {
  const bool has_body = request.body || !request.body_text.empty() || request.method == "PUT";
  if (request.method == "HEAD") set(easy, CURLOPT_NOBODY, 1L);
  if (has_body) {
    const std::uint64_t size = request.body ? request.body_size : request.body_text.size();
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, receive_buffer);
  } else if (request.method == "POST") {
    set(easy, CURLOPT_POSTFIELDSIZE, 0L);
    set(easy, CURLOPT_POSTFIELDS, "");
  }
  set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

HeaderList make_headers(const HttpRequest& request) {
  HeaderList list;
  const auto add = [&](const char* line) {
    curl_slist* longer = curl_slist_append(list.get(), line);
    if (longer == nullptr) throw Error(ErrorCode::internal, "out of memory");
    static_cast<void>(list.release());  // the longer list holds it
    list.reset(longer);
  };
  add("Expect:");  // a round trip that registries do not need
  for (const std::string& header : request.headers) add(header.c_str());
  if (!request.authorization.empty()) {
    Secret line("Authorization: ");
    line.append(request.authorization.view()).terminate();
    add(line.view().data());
  }
  return list;
}

CURLcode give_anchors(CURL* /*easy*/, void* context, void* anchors) {
  static_cast<TrustAnchors*>(anchors)->give_to(context);
  return CURLE_OK;
}

void set_anchors(CURL* easy, TrustAnchors& anchors) {
  set(easy, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
  set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set(easy, CURLOPT_SSL_CTX_FUNCTION, give_anchors);
  set(easy, CURLOPT_SSL_CTX_DATA, static_cast<void*>(&anchors));
}

void set_tls(CURL* easy, const TransportOptions& tls, TrustAnchors& anchors, bool verify, bool present_certificate) {
  set(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  set(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (verify) set_anchors(easy, anchors);
  if (!present_certificate) return;
  if (!tls.client_certificate.empty()) set(easy, CURLOPT_SSLCERT, tls.client_certificate.c_str());
  if (!tls.client_key.empty()) set(easy, CURLOPT_SSLKEY, tls.client_key.c_str());
}

void set_callbacks(CURL* easy, Exchange& exchange) {
  set(easy, CURLOPT_WRITEFUNCTION, on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  set(easy, CURLOPT_HEADERFUNCTION, on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
  set(easy, CURLOPT_READFUNCTION, on_read);
  set(easy, CURLOPT_READDATA, static_cast<void*>(&exchange));
  set(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  set(easy, CURLOPT_XFERINFODATA, static_cast<void*>(&exchange));
  set(easy, CURLOPT_NOPROGRESS, 0L);
}

}  // namespace

std::string HttpAnswer::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? "" : found->second.front();
}

struct HttpTransport::Pool : HandlePool {};

/// Trust anchors go from our OpenSSL to libcurl's, which has to be the same.
void require_openssl() {
  const char* backend = curl_version_info(CURLVERSION_NOW)->ssl_version;
  const std::string found = backend == nullptr ? "no TLS" : backend;
  if (found.starts_with("OpenSSL/3.") || found.starts_with("OpenSSL/4.")) return;
  throw Error(ErrorCode::internal, fmt::format("libcurl was built with {}, airlock with OpenSSL", found))
      .hint("build and run airlock with a libcurl on OpenSSL (Debian: libcurl4-openssl-dev)");
}

HttpTransport::HttpTransport(TransportOptions options)
    : options_(std::move(options)), anchors_(options_.ca_file, options_.environment), pool_(std::make_unique<Pool>()) {
  require_openssl();
}

HttpTransport::~HttpTransport() = default;

namespace {

void set_up(Exchange& exchange, const TransportOptions& options, TrustAnchors& anchors, bool verify_tls,
            const HeaderList& headers, std::string& detail) {
  CURL* easy = exchange.easy;
  const HttpRequest& request = exchange.request;
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_HTTPHEADER, headers.get());
  set(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  set(easy, CURLOPT_ERRORBUFFER, detail.data());
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_BUFFERSIZE, receive_buffer);
  set(easy, CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  if (request.url.starts_with("https:"))  // libcurl copies what it is given for each connection
    set_tls(easy, options, anchors, verify_tls, request.present_certificate);
  set_callbacks(easy, exchange);
  set_body(easy, request);
}

void read_info(Exchange& exchange) {
  curl_off_t retry_after = 0;
  curl_off_t sent = 0;
  curl_off_t first_byte = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  curl_easy_getinfo(exchange.easy, CURLINFO_RETRY_AFTER, &retry_after);
  curl_easy_getinfo(exchange.easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
  curl_easy_getinfo(exchange.easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
  if (retry_after > 0) exchange.answer.retry_after = std::chrono::seconds(retry_after);
  exchange.answer.waited = std::chrono::microseconds(std::max<curl_off_t>(0, first_byte - sent));
}

HttpAnswer failed(Exchange& exchange, CURLcode code, const std::string& detail, const TransportOptions& options,
                  const std::string& anchors_problem) {
  HttpAnswer answer = std::move(exchange.answer);
  answer.status = 0;
  answer.failure_text = detail.empty() ? curl_easy_strerror(code) : detail;
  if (code == CURLE_PEER_FAILED_VERIFICATION && !anchors_problem.empty()) answer.failure_text = anchors_problem;
  const ConnectFailure cause = connect_failure(answer.failure_text, options);
  answer.failure = cause.kind == HttpAnswer::Failure::none ? classify(code, detail) : cause.kind;
  answer.advice = cause.advice;
  if (exchange.too_large || exchange.stalled) answer.advice.clear();
  if (exchange.too_large) {
    answer.failure = HttpAnswer::Failure::permanent;
    answer.failure_text = "the answer is larger than " + human_size(exchange.request.max_body);
  } else if (exchange.stalled) {
    answer.failure = HttpAnswer::Failure::stalled;
    answer.failure_text =
        fmt::format("the transfer stood still (less than 1 KiB/s for {})", human_duration(exchange.stall_timeout));
  }
  return answer;
}

}  // namespace

HttpAnswer HttpTransport::perform(const HttpRequest& request, bool verify_tls) {
  const auto origin = origin_of(request.url);
  if (!origin) throw Error(ErrorCode::registry, "malformed URL " + request.url);
  const std::string pool_key = fmt::format("{}{}{}", origin->str(), verify_tls ? "" : " unverified",
                                           request.present_certificate ? " certificate" : "");
  Easy easy = pool_->take(pool_key);
  Exchange exchange{easy.get(), request, options_.stall_timeout};
  std::string detail(CURL_ERROR_SIZE, '\0');
  const HeaderList headers = make_headers(request);
  set_up(exchange, options_, anchors_, verify_tls, headers, detail);

  const CURLcode code = curl_easy_perform(easy.get());
  read_info(exchange);
  // A handle that failed is not used again: libcurl 7.88 keeps a buffer after a failed name look-up that forbids to set
  // its size anew.
  if (code == CURLE_OK) {
    curl_easy_reset(easy.get());  // keeps the connection, forgets what lives no longer than this call
    pool_->give_back(pool_key, std::move(easy));
  }
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  throw_if_interrupted();
  if (code == CURLE_OK || exchange.satisfied) return std::move(exchange.answer);
  // A server may refuse an upload before it has read all of it; its answer is worth more than the broken pipe.
  if (code == CURLE_SEND_ERROR && exchange.answer.status >= 300) return std::move(exchange.answer);
  detail.resize(std::strlen(detail.c_str()));
  return failed(exchange, code, detail, options_, anchors_.problem());
}

}  // namespace airlock::registry
