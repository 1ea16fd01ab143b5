// SPDX-License-Identifier: Apache-2.0
#include "airlock/registry/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "airlock/base/text.hpp"
#include "registry/api.hpp"
#include "registry/link_header.hpp"
#include "registry/quirks.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

namespace {

constexpr std::string_view broken_source =
    "the registry or something before it is broken or lying; ask another --mirror";

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

/// What asking whether something is there needs.
Scopes look_scope(Client::Session& session, const Endpoint& endpoint, const Repository& repository) {
  const oci::Repository name = endpoint.repository(repository.name);
  return quirks::wants_push_access_to_look(session.asked_as()) ? push_scope(name) : pull_scope(name);
}

/// Where a 206 answer says that it starts; nothing when it does not say.
std::optional<std::uint64_t> range_start(const std::string& content_range) {
  constexpr std::string_view unit = "bytes ";
  if (!content_range.starts_with(unit)) return std::nullopt;
  const auto range = std::string_view(content_range).substr(unit.size());
  return parse_number(range.substr(0, range.find('-')));
}

}  // namespace

std::string Repository::str() const { return fmt::format("{}/{}", registry.str(), name.str()); }

Client::Client(ClientOptions options, Reporter& reporter)
    : session_(std::make_unique<Session>(std::move(options), reporter)) {}

Client::Client(std::unique_ptr<Session> session) : session_(std::move(session)) {}

Client::~Client() = default;

Reach Client::reach(const oci::Registry& registry) { return session_->endpoint(registry).reach; }

std::chrono::microseconds Client::distance(const oci::Registry& registry) {
  return session_->endpoint(registry).distance;
}

Statistics Client::statistics() const { return session_->statistics(); }

std::optional<RateLimit> Client::rate_limit(const oci::Registry& registry) const {
  return session_->rate_limit(registry);
}

std::optional<FetchedManifest> Client::fetch_manifest(const Repository& repository, const oci::ManifestId& id) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  HttpAnswer answer = session_->send(endpoint, look_scope(*session_, endpoint, repository), [&] {
    HttpRequest request;
    request.url = fmt::format("{}/manifests/{}", repository_url(endpoint, repository), id.str());
    request.headers = {"Accept: " + accepted_types()};
    request.max_body = oci::max_manifest_size;
    return request;
  });
  if (quirks::lacks_manifest(answer, session_->asked_as())) return std::nullopt;
  const std::string what = fmt::format("manifest {} of {}", id.str(), repository.str());
  if (answer.status != 200) session_->refuse(answer, what);
  const std::string type = within(
      [&] { return what; }, [&] { return oci::served_type(essence(answer.header("content-type")), answer.body); });
  FetchedManifest manifest{type, std::move(answer.body), oci::sha256("")};
  manifest.digest = oci::sha256(manifest.bytes);
  if (const oci::Digest* asked = id.digest(); asked != nullptr && manifest.digest != *asked)
    throw Error(ErrorCode::format,
                fmt::format("{}: the bytes received have the digest {}", what, manifest.digest.str()))
        .hint(std::string(broken_source));
  return manifest;
}

std::optional<oci::Digest> Client::ask_digest(const Repository& repository, const oci::ManifestId& id) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const HttpAnswer answer = session_->send(endpoint, pull_scope(endpoint.repository(repository.name)), [&] {
    HttpRequest request;
    request.method = "HEAD";
    request.url = fmt::format("{}/manifests/{}", repository_url(endpoint, repository), id.str());
    request.headers = {"Accept: " + accepted_types()};
    return request;
  });
  if (answer.status == 404) return std::nullopt;
  if (answer.status != 200) session_->refuse(answer, fmt::format("manifest {} of {}", id.str(), repository.str()));
  try {
    return oci::Digest::parse(answer.header("docker-content-digest"));
  } catch (const Error&) {
    return std::nullopt;
  }
}

void Client::fetch_blob(const Repository& repository, const oci::Digest& digest, BlobPart part, BlobSink& sink) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const std::string what = fmt::format("blob {} of {}", digest.str(), repository.str());
  std::uint64_t skip = 0;  // of what comes: a server may ignore the range and begin earlier
  bool ranged = false;
  const auto make = [&] {
    HttpRequest request;
    request.url = blob_url(endpoint, repository, digest);
    if (part.size > 0 && sink.received() == part.size) {
      request.method = "HEAD";  // the transfer broke after its last byte: there is nothing left to ask for
      return request;
    }
    std::uint64_t at = part.offset + sink.received();
    ranged = (at > 0 || !part.is_whole()) && !session_->refuses_ranges(endpoint);
    if (ranged)
      request.headers.push_back(part.is_whole() ? fmt::format("Range: bytes={}-", at)
                                                : fmt::format("Range: bytes={}-{}", at, part.offset + part.size - 1));
    request.before_sink = [&, at](const HttpAnswer& answer) {
      const auto start = answer.status == 206 ? range_start(answer.header("content-range")) : 0;
      if (!start || *start > at)
        throw Error(ErrorCode::format, session_->side(),
                    fmt::format("{}: asked for the bytes from {} on, the registry sends others", what, at))
            .hint(std::string(broken_source));
      skip = at - *start;
    };
    request.sink = [&](std::string_view bytes) {
      const auto skipped = std::min<std::uint64_t>(skip, bytes.size());
      bytes.remove_prefix(skipped);
      skip -= skipped;
      // Of a whole blob the sink sees all, so that it can tell when there is too much.
      const auto wanted = part.is_whole() ? bytes : bytes.substr(0, part.size - sink.received());
      if (!wanted.empty()) sink.write(wanted);
      return wanted.size() == bytes.size();
    };
    return request;
  };
  const auto fetch = [&] {
    return session_->send(endpoint, pull_scope(endpoint.repository(repository.name)), make,
                          [&] { return sink.received(); });
  };
  HttpAnswer answer = fetch();
  if (ranged && quirks::refuses_range(answer)) {
    // Parts save time and nothing else. What is there already is read over.
    session_->reporter().detail(
        fmt::format("{}: a part is refused ({}): the whole is asked for", what, describe(answer)));
    session_->note_refused_range(endpoint);
    answer = fetch();
  }
  if (!answer.ok() && sink.received() != part.size) session_->refuse(answer, what);
  if (sink.received() != part.size)
    throw Error(ErrorCode::format,
                fmt::format("{} ended after {} of {} bytes", what, part.offset + sink.received(), part.blob_size))
        .hint(std::string(broken_source));
}

void Client::check_push(const Repository& repository) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const Scopes scopes = push_scope(endpoint.repository(repository.name));
  const std::string start = repository_url(endpoint, repository) + "/blobs/uploads/";
  const auto ask = [&](const char* method, const std::string& url) {
    return session_->send(endpoint, scopes, [&] {
      HttpRequest request;
      request.method = method;
      request.url = url;
      return request;
    });
  };
  const HttpAnswer opened = ask("POST", start);
  if (opened.status != 202) session_->refuse(opened, "pushing to " + repository.str());
  try {
    if (!opened.header("location").empty()) ask("DELETE", resolve_url(start, opened.header("location")));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;  // else the registry cleans up by itself
  }
}

std::optional<bool> Client::has_blob(const Repository& repository, const oci::Digest& digest) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const HttpAnswer answer = session_->send(endpoint, look_scope(*session_, endpoint, repository), [&] {
    HttpRequest request;
    request.method = "HEAD";
    request.url = blob_url(endpoint, repository, digest);
    return request;
  });
  if (answer.status == 404) return false;
  if (quirks::refuses_head(answer)) return std::nullopt;
  if (!answer.ok()) session_->refuse(answer, fmt::format("blob {} of {}", digest.str(), repository.str()));
  return true;
}

Client::PutResult Client::push_manifest(const Repository& repository, const oci::ManifestId& id,
                                        const std::string& media_type, std::string_view bytes, Members members) {
  constexpr unsigned max_puts = 4;
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const std::string what = fmt::format("manifest {} to {}", id.str(), repository.str());
  for (unsigned attempt = 1;; ++attempt) {
    const HttpAnswer answer = session_->send(endpoint, push_scope(endpoint.repository(repository.name)), [&] {
      HttpRequest request;
      request.method = "PUT";
      request.url = fmt::format("{}/manifests/{}", repository_url(endpoint, repository), id.str());
      request.headers = {"Content-Type: " + media_type};
      request.body_text = bytes;
      return request;
    });
    if (answer.ok()) return answer.header("oci-subject").empty() ? PutResult::stored : PutResult::stored_with_subject;
    const bool lacking = quirks::lacks_members(answer, media_type);
    if (lacking && members == Members::some) return PutResult::members_missing;
    if (attempt == max_puts || !quirks::may_be_put_again(answer)) {
      if (lacking) return PutResult::members_missing;
      session_->refuse(answer, what);
    }
    session_->wait(attempt, answer, what);
  }
}

void Client::pause(unsigned attempt, const std::string& what) {
  HttpAnswer none;
  none.failure_text = "it is not there yet";
  session_->wait(attempt, none, what);
}

bool Client::takes_type(const Repository& repository, const std::string& media_type) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const HttpAnswer answer = session_->send(endpoint, push_scope(endpoint.repository(repository.name)), [&] {
    HttpRequest request;
    request.method = "PUT";
    request.url = fmt::format("{}/manifests/{}", repository_url(endpoint, repository), oci::sha256("").str());
    request.headers = {"Content-Type: " + media_type};
    return request;
  });
  return !quirks::refuses_type(answer);
}

namespace {

constexpr unsigned max_referrer_pages = 100;
constexpr std::size_t max_referrers = 10'000;

}  // namespace

std::optional<oci::ReferrerList> Client::referrers(const Repository& repository, const oci::Digest& digest) {
  const Endpoint& endpoint = session_->endpoint(repository.registry);
  const std::string what = fmt::format("referrers of {} in {}", digest.str(), repository.str());
  oci::ReferrerList all;
  std::string url = fmt::format("{}/referrers/{}", repository_url(endpoint, repository), digest.str());
  for (unsigned page = 0; !url.empty(); ++page) {
    if (page == max_referrer_pages) session_->refuse(what + ": the list does not end", "export with --no-referrers");
    const HttpAnswer answer = session_->send(endpoint, pull_scope(endpoint.repository(repository.name)), [&] {
      HttpRequest request;
      request.url = url;
      request.headers = {"Accept: " + std::string(oci::media_type::oci_index)};
      return request;
    });
    if (page == 0 && quirks::lacks_referrers_api(answer)) {
      if (quirks::hides_referrers(answer))
        session_->warn_once(fmt::format(
            "{} does not let referrers be listed ({}): signatures and SBOMs that it keeps under no tag stay "
            "behind",
            endpoint.name, describe(answer)));
      return std::nullopt;
    }
    if (answer.status != 200) session_->refuse(answer, what);
    within([&] { return what; }, [&] { all.add(answer.body); });
    if (all.entries.size() + all.unreadable.size() > max_referrers)
      session_->refuse(fmt::format("{}: more than {}", what, max_referrers), "export with --no-referrers");
    const auto next = answer.headers.contains("link") ? next_page(answer.headers.at("link")) : std::nullopt;
    url = next ? resolve_url(url, *next) : "";
    if (next && url.empty())
      session_->refuse(fmt::format("{}: the list continues at a malformed address, \"{}\"", what, printable(*next, 80)),
                       "the registry is broken; ask another --mirror, or export with --no-referrers");
  }
  return all;
}

namespace {

HttpAnswer get_text(Client::Session& session, const std::string& url, std::size_t limit) {
  const auto web = session.web_endpoint(url);
  const auto make = [&] {
    HttpRequest request;
    request.url = web.second;
    request.max_body = limit;
    return request;
  };
  return session.send(web.first, {}, make, nullptr, Client::Session::max_first_attempts);
}

}  // namespace

std::optional<std::string> Client::fetch_text_beside(const std::string& url, std::size_t limit) {
  HttpAnswer answer = get_text(*session_, url, limit);
  if (answer.status == 404) return std::nullopt;
  if (quirks::may_hide_absence(answer)) {
    session_->reporter().warning(fmt::format("{} is taken for absent: {}", url, describe(answer)));
    return std::nullopt;
  }
  if (!answer.ok()) session_->refuse(answer, "cannot get " + url);
  return std::move(answer.body);
}

std::optional<std::string> Client::fetch_text(const std::string& url, std::size_t limit) {
  HttpAnswer answer = get_text(*session_, url, limit);
  if (answer.status == 404) return std::nullopt;
  if (!answer.ok()) session_->refuse(answer, "cannot get " + url);
  return std::move(answer.body);
}

bool Client::fetch_file(const std::string& url, const std::function<void()>& begin,
                        const std::function<void(std::string_view)>& write) {
  const auto web = session_->web_endpoint(url);
  std::uint64_t received = 0;
  const auto make = [&] {
    begin();
    HttpRequest request;
    request.url = web.second;
    request.sink = [&](std::string_view bytes) {
      write(bytes);
      received += bytes.size();
      return true;
    };
    return request;
  };
  const HttpAnswer answer = session_->send(
      web.first, {}, make, [&] { return received; }, Session::max_first_attempts);
  if (answer.status == 404) return false;
  if (!answer.ok()) session_->refuse(answer, "cannot get " + url);
  return true;
}

}  // namespace airlock::registry
