// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/client.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "airlock/base/text.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

namespace {

constexpr std::string_view broken_source =
    "the registry or something before it is broken or lying; ask another --mirror";

Scopes pull_scope(const std::string& repository) { return {"repository:" + repository + ":pull"}; }
Scopes push_scope(const std::string& repository) { return {"repository:" + repository + ":pull,push"}; }

std::string repository_url(const Endpoint& endpoint, const Repository& repository) {
  return endpoint.origin.str() + "/v2/" + endpoint.repository(repository.name);
}

std::string blob_url(const Endpoint& endpoint, const Repository& repository, const oci::Digest& digest) {
  return repository_url(endpoint, repository) + "/blobs/" + digest.str();
}

std::string accepted_types() {
  using namespace oci::media_type;
  std::string types;
  for (const auto type : {oci_index, docker_index, oci_manifest, docker_manifest})
    types += (types.empty() ? "" : ", ") + std::string(type);
  return types;
}

/// The type without parameters such as charset.
std::string essence(const std::string& content_type) {
  return to_lower(trim(std::string_view(content_type).substr(0, content_type.find(';'))));
}

/// Where a 206 answer says that it starts; nothing when it does not say.
std::optional<std::uint64_t> range_start(const std::string& content_range) {
  constexpr std::string_view unit = "bytes ";
  if (!content_range.starts_with(unit)) return std::nullopt;
  const auto range = std::string_view(content_range).substr(unit.size());
  return parse_number(range.substr(0, range.find('-')));
}

}  // namespace

Client::Client(ClientOptions options, Reporter& reporter)
    : session_(std::make_unique<Session>(std::move(options), reporter)) {}

Client::~Client() = default;

Reach Client::reach(const std::string& registry) { return session_->endpoint(registry).reach; }

std::optional<FetchedManifest> Client::fetch_manifest(const Repository& repository, const std::string& identifier) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  // A target is asked with the access that pushing needs: Quay creates a repository for nobody who may only pull.
  const bool target = session_->side() == Side::target;
  const std::string name = endpoint.repository(repository.name);
  HttpAnswer answer = session_->send(endpoint, target ? push_scope(name) : pull_scope(name), [&] {
    HttpRequest request;
    request.url = repository_url(endpoint, repository) + "/manifests/" + identifier;
    request.headers = {"Accept: " + accepted_types()};
    request.max_body = oci::max_manifest_size;
    return request;
  });
  if (answer.status == 404) return std::nullopt;
  // Some registries deny that they lack a tag. If access is what lacks, the upload that follows will say so.
  if (target && answer.status == 403) return std::nullopt;
  const std::string what = "manifest " + identifier + " of " + repository.str();
  if (answer.status != 200) session_->refuse(answer, what);
  FetchedManifest manifest{essence(answer.header("content-type")), std::move(answer.body), oci::sha256("")};
  manifest.digest = oci::sha256(manifest.bytes);
  if (identifier.starts_with("sha256:") && manifest.digest.str() != identifier)
    throw Error(ErrorCode::format, what + ": the bytes received have the digest " + manifest.digest.str())
        .hint(std::string(broken_source));
  return manifest;
}

void Client::fetch_blob(const Repository& repository, const oci::Digest& digest, std::uint64_t size, BlobSink& sink) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const auto make = [&] {
    HttpRequest request;
    request.url = blob_url(endpoint, repository, digest);
    if (sink.received() > 0) request.headers.push_back("Range: bytes=" + std::to_string(sink.received()) + "-");
    request.before_sink = [&](const HttpAnswer& answer) {
      // A server may ignore the range, or answer with another one: then the blob starts over.
      if (sink.received() > 0 &&
          (answer.status != 206 || range_start(answer.header("content-range")) != sink.received()))
        sink.restart();
    };
    request.sink = [&](std::string_view bytes) { sink.write(bytes); };
    return request;
  };
  const HttpAnswer answer =
      session_->send(endpoint, pull_scope(endpoint.repository(repository.name)), make, [&] { return sink.received(); });
  if (!answer.ok()) session_->refuse(answer, "blob " + digest.str() + " of " + repository.str());
  if (sink.received() != size)
    throw Error(ErrorCode::format, "blob " + digest.str() + " of " + repository.str() + " ended after " +
                                       std::to_string(sink.received()) + " of " + std::to_string(size) + " bytes")
        .hint(std::string(broken_source));
}

bool Client::has_blob(const Repository& repository, const oci::Digest& digest) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const HttpAnswer answer = session_->send(endpoint, push_scope(endpoint.repository(repository.name)), [&] {
    HttpRequest request;
    request.method = "HEAD";
    request.url = blob_url(endpoint, repository, digest);
    return request;
  });
  if (answer.status == 404) return false;
  if (!answer.ok()) session_->refuse(answer, "blob " + digest.str() + " of " + repository.str());
  return true;
}

bool Client::mount_blob(const Repository& repository, const oci::Digest& digest, const std::string& from) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  Scopes scopes = push_scope(endpoint.repository(repository.name));
  scopes.merge(pull_scope(endpoint.repository(from)));
  const HttpAnswer answer = session_->send(endpoint, scopes, [&] {
    HttpRequest request;
    request.method = "POST";
    request.url = repository_url(endpoint, repository) + "/blobs/uploads/?mount=" + url_encode(digest.str()) +
                  "&from=" + url_encode(endpoint.repository(from));
    return request;
  });
  if (answer.status == 201) return true;
  if (answer.status == 202 && !answer.header("location").empty()) {
    // The registry opened an upload instead; left open, it would hold space until the registry's own clean-up.
    const std::string url = resolve_url(repository_url(endpoint, repository), answer.header("location"));
    if (origin_of(url) == endpoint.origin)
      session_->send(endpoint, push_scope(endpoint.repository(repository.name)), [&] {
        HttpRequest request;
        request.method = "DELETE";
        request.url = url;
        return request;
      });
  }
  return false;
}

namespace {

/// Hands pieces of a BlobSource to a consumer that asks for other sizes.
class PieceReader {
 public:
  explicit PieceReader(std::unique_ptr<BlobSource> source) : source_(std::move(source)) {}
  std::size_t read(char* into, std::size_t size) {
    if (piece_.empty()) piece_ = source_->next();
    const auto taken = piece_.substr(0, size);
    std::memcpy(into, taken.data(), taken.size());
    piece_.remove_prefix(taken.size());
    return taken.size();
  }

 private:
  std::unique_ptr<BlobSource> source_;
  std::string_view piece_;
};

}  // namespace

void Client::push_blob(const Repository& repository, const oci::Digest& digest, std::uint64_t size,
                       const std::function<std::unique_ptr<BlobSource>()>& open) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const Scopes scopes = push_scope(endpoint.repository(repository.name));
  const std::string what = "upload of blob " + digest.str() + " to " + repository.str();
  const std::string start_url = repository_url(endpoint, repository) + "/blobs/uploads/";
  // An upload's address is good for one attempt, so each attempt opens its own.
  const auto make = [&] {
    const HttpAnswer opened = session_->send(endpoint, scopes, [&] {
      HttpRequest request;
      request.method = "POST";
      request.url = start_url;
      return request;
    });
    if (opened.status != 202 || opened.header("location").empty()) session_->refuse(opened, what);
    HttpRequest request;
    request.method = "PUT";
    request.url = resolve_url(start_url, opened.header("location"));
    request.url += (request.url.find('?') == std::string::npos ? "?digest=" : "&digest=") + url_encode(digest.str());
    request.headers = {"Content-Type: application/octet-stream"};
    const auto reader = std::make_shared<PieceReader>(open());
    request.body = [reader](char* into, std::size_t room) { return reader->read(into, room); };
    request.body_size = size;
    return request;
  };
  const HttpAnswer answer = session_->send(endpoint, scopes, make);
  if (!answer.ok()) session_->refuse(answer, what);
}

Client::PutResult Client::push_manifest(const Repository& repository, const std::string& identifier,
                                        const std::string& media_type, std::string_view bytes) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const HttpAnswer answer = session_->send(endpoint, push_scope(endpoint.repository(repository.name)), [&] {
    HttpRequest request;
    request.method = "PUT";
    request.url = repository_url(endpoint, repository) + "/manifests/" + identifier;
    request.headers = {"Content-Type: " + media_type};
    request.body_text = bytes;
    return request;
  });
  if (answer.ok()) return PutResult::stored;
  // What registries answer to an index whose members they lack differs: docker-registry 400, others 404 or 422.
  const std::string reason = error_text(answer.body);
  const bool about_members = reason.starts_with("MANIFEST_BLOB_UNKNOWN") || reason.starts_with("MANIFEST_UNKNOWN") ||
                             reason.starts_with("BLOB_UNKNOWN") || reason.starts_with("MANIFEST_INVALID");
  if (oci::media_type::is_index(media_type) && about_members && answer.status >= 400 && answer.status < 500)
    return PutResult::members_missing;
  session_->refuse(answer, "manifest " + identifier + " to " + repository.str());
}

std::optional<std::string> Client::fetch_text(const std::string& url) {
  const auto origin = origin_of(url);
  if (!origin) session_->refuse(url + " is not an http or https URL", "write it as https://HOST/PATH");
  const Endpoint endpoint{*origin, "", origin->host,
                          origin->scheme == "http" ? Reach::plain_http : Reach::tls_verified};
  const auto make = [&] {
    HttpRequest request;
    request.url = url;
    return request;
  };
  HttpAnswer answer = session_->send(endpoint, {}, make, nullptr, Session::max_first_attempts);
  if (answer.status == 404) return std::nullopt;
  if (!answer.ok()) session_->refuse(answer, "cannot get " + url);
  return std::move(answer.body);
}

}  // namespace airlock::registry
