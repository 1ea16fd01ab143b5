// SPDX-License-Identifier: Apache-2.0
// How a blob gets into a registry (distribution-spec, "Pushing blobs"): mounted where the registry has it, else sent in
// one piece, else in chunks; after a break resumed from where the registry says that it stood.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "airlock/base/text.hpp"
#include "registry/api.hpp"
#include "registry/quirks.hpp"
#include "registry/session.hpp"

namespace airlock::registry {

namespace {

// What proxies before registries let through differs: nginx 1 MiB unless told otherwise, CDNs about 100 MB.
constexpr std::array<std::uint64_t, 4> chunk_sizes{64U << 20, 16U << 20, 4U << 20, 1U << 20};
constexpr unsigned max_starts = 3;  // from the beginning, where what a registry kept of an upload turned out useless
constexpr unsigned max_losses = 8;  // of what it had acknowledged; as often as one request is tried, and once more

using OpenSource = std::function<std::unique_ptr<BlobSource>()>;

/// Hands pieces of a BlobSource to a consumer that asks for other sizes.
class PieceReader {
 public:
  explicit PieceReader(std::unique_ptr<BlobSource> source) : source_(std::move(source)) {}

  std::size_t read(char* into, std::size_t size) {
    const auto taken = take(size);
    std::memcpy(into, taken.data(), taken.size());
    return taken.size();
  }
  /// Reads up to `position`: what a source verifies, it has to have read.
  void skip_to(std::uint64_t position) {
    while (position_ < position && !take(position - position_).empty()) {
    }
  }
  std::uint64_t position() const { return position_; }

 private:
  std::string_view take(std::uint64_t size) {
    if (piece_.empty()) piece_ = source_->next();
    const auto taken = piece_.substr(0, size);
    piece_.remove_prefix(taken.size());
    position_ += taken.size();
    return taken;
  }

  std::unique_ptr<BlobSource> source_;
  std::string_view piece_;
  std::uint64_t position_ = 0;
};

class Upload {
 public:
  Upload(Client::Session& session, Repository repository, const oci::Digest& digest, std::uint64_t size,
         const OpenSource& open)
      : session_(session),
        endpoint_(session.endpoint(repository.registry)),
        repository_(std::move(repository)),
        digest_(digest),
        size_(size),
        open_(open),
        scopes_(push_scope(endpoint_.repository(repository_.name))),
        what_(fmt::format("upload of blob {} to {}", digest.str(), repository_.str())),
        ledger_key_(fmt::format("{}|{}|{}", endpoint_.origin.str(), endpoint_.repository(repository_.name).str(),
                                digest.str())) {}

  Client::PushResult run(const std::optional<oci::Repository>& mount_from) {
    const auto left = session_.upload_ledger().find(ledger_key_);
    // Whatever an earlier run left: what the registry has elsewhere need not be sent at all.
    const bool mounted = mount_from && try_mount(*mount_from);
    if (mount_from && present()) {
      if (mounted)
        session_.upload_ledger().forget(ledger_key_);
      else if (!location_.empty())
        cancel();
      return mounted ? Client::PushResult::mounted : Client::PushResult::present;
    }
    try {
      if (!(left && go_on(*left)) && location_.empty()) begin();
      send();
      return Client::PushResult::sent;
    } catch (const Error& error) {
      // An upload that stays open holds space until the registry's own clean-up.
      if (error.code() != ErrorCode::interrupted && error.code() != ErrorCode::registry) cancel();
      throw;
    }
  }

 private:
  HttpAnswer ask(const char* method, const std::string& url, const Scopes& scopes) {
    return session_.send(endpoint_, scopes, [&] {
      HttpRequest request;
      request.method = method;
      request.url = url;
      return request;
    });
  }

  /// Takes up an upload that an earlier run left; false where the registry does not know it any more.
  bool go_on(const std::string& left) {
    if (size_ < UploadLedger::from_size || origin_of(left) != endpoint_.origin) return false;
    const HttpAnswer status = ask("GET", left, scopes_);
    const std::uint64_t kept = quirks::acknowledged(status.header("range"));
    if (!status.ok() || kept == 0 || kept > size_) return false;
    if (!location_.empty()) cancel();  // the one that was opened to mount
    location_ = left;
    if (const auto next = status.header("location"); !next.empty()) location_ = resolve_url(location_, next);
    session_.upload_ledger().keep(ledger_key_, location_);
    offset_ = kept;
    resumed_ = true;
    session_.reporter().detail(fmt::format("{} resumes after {} of {}, which an earlier run sent", what_,
                                           human_size(offset_), human_size(size_)));
    return true;
  }

  bool present() { return ask("HEAD", blob_url(endpoint_, repository_, digest_), scopes_).ok(); }

  std::string start_url() const { return repository_url(endpoint_, repository_) + "/blobs/uploads/"; }

  /// True where the registry says that it is mounted. It may have opened an upload instead, or refused: a mount needs
  /// access to two repositories, which tokens and policies may not give together
  /// (github.com/containerd/containerd/issues/14086, github.com/oras-project/oras/issues/1892,
  /// github.com/google/go-containerregistry/issues/219). It saves time and is nothing else.
  bool try_mount(const oci::Repository& mount_from) {
    const oci::Repository from = endpoint_.repository(mount_from);
    Scopes scopes = scopes_;
    scopes.merge(pull_scope(from));
    try {
      const HttpAnswer opened = ask(
          "POST", fmt::format("{}?mount={}&from={}", start_url(), url_encode(digest_.str()), url_encode(from.str())),
          scopes);
      if (opened.status == 202 && !opened.header("location").empty()) opened_at(opened);
      if (opened.status == 201 || opened.status == 202) return opened.status == 201;
      session_.reporter().detail(fmt::format("{} is not mounted from {}: {}", what_, from.str(), describe(opened)));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::registry) throw;
      session_.reporter().detail(fmt::format("{} is not mounted from {}: {}", what_, from.str(), error.what()));
    }
    return false;
  }

  void begin() {
    const HttpAnswer opened = ask("POST", start_url(), scopes_);
    if (opened.status != 202 || opened.header("location").empty()) session_.refuse(opened, what_);
    opened_at(opened);
  }

  void opened_at(const HttpAnswer& opened) {
    location_ = resolve_url(start_url(), opened.header("location"));
    chunk_min_ = parse_number(opened.header("oci-chunk-min-length")).value_or(0);
    offset_ = 0;
    resumed_ = false;
    if (size_ >= UploadLedger::from_size) session_.upload_ledger().keep(ledger_key_, location_);
  }

  void cancel() noexcept {
    try {
      session_.upload_ledger().forget(ledger_key_);
      ask("DELETE", location_, scopes_);
    } catch (...) {
      // What made us give up is the news.
    }
  }

  void send() {
    for (unsigned starts = 1;;) {
      const HttpAnswer answer = send_piece();
      if (answer.ok() && complete_) {
        session_.upload_ledger().forget(ledger_key_);
        return;
      }
      if (answer.ok()) continue;
      if (make_chunks_smaller(answer)) continue;
      if (quirks::refuses_size(answer))
        session_.refuse(fmt::format("{}: {}", what_, describe(answer)),
                        "a proxy before the registry limits the size of requests below 1 MiB (nginx: "
                        "client_max_body_size); raise it");
      if (quirks::is_elsewhere(answer) && ++losses_ <= max_losses) {
        recover();
        continue;
      }
      // What the registry kept may not fit, or is gone; or another client stores the same.
      const bool passing = resumed_ || quirks::lost_upload(answer) || quirks::may_be_put_again(answer);
      if (!passing || ++starts > max_starts) session_.refuse(answer, what_);
      if (present()) return session_.upload_ledger().forget(ledger_key_);
      begin();
    }
  }

  /// All that is left, or the next chunk of it.
  HttpAnswer send_piece() {
    bool again = false;
    const auto make = [&] {
      if (std::exchange(again, true)) recover();
      return complete_ ? head_request() : piece_request();
    };
    HttpAnswer answer = session_.send(endpoint_, scopes_, make, [&] { return offset_; });
    if (answer.ok() && !closing_) {
      offset_ += taken(answer);
      if (const auto next = answer.header("location"); !next.empty()) location_ = resolve_url(location_, next);
    } else if (answer.ok()) {
      complete_ = true;
    }
    return answer;
  }

  /// How much of the chunk under way the registry has: it may take less than it was sent, and says so
  /// (distribution-spec, "Pushing a blob in chunks").
  std::uint64_t taken(const HttpAnswer& answer) const {
    const std::uint64_t kept = quirks::acknowledged(answer.header("range"));
    if (kept <= offset_ || kept > offset_ + piece_size_) return piece_size_;  // it does not say, or counts otherwise
    return kept - offset_;
  }

  HttpRequest head_request() const {
    HttpRequest request;
    request.method = "HEAD";
    request.url = blob_url(endpoint_, repository_, digest_);
    return request;
  }

  HttpRequest piece_request() {
    const std::uint64_t chunk = std::max(session_.chunk_size(endpoint_), chunk_min_);
    closing_ = session_.chunk_size(endpoint_) == 0 || offset_ == size_;
    piece_size_ = closing_ ? size_ - offset_ : std::min(chunk, size_ - offset_);
    whole_ = closing_ && piece_size_ > 0;
    HttpRequest request;
    request.method = closing_ ? "PUT" : "PATCH";
    request.url = location_;
    if (closing_)
      request.url += (location_.find('?') == std::string::npos ? "?digest=" : "&digest=") + url_encode(digest_.str());
    request.headers = {"Content-Type: application/octet-stream"};
    if (offset_ > 0 || !closing_)
      if (piece_size_ > 0)
        request.headers.push_back(fmt::format("Content-Range: {}-{}", offset_, offset_ + piece_size_ - 1));
    if (!reader_ || reader_->position() != offset_) {
      reader_ = std::make_unique<PieceReader>(open_());
      reader_->skip_to(offset_);
    }
    request.body = [this, left = piece_size_](char* into, std::size_t room) mutable {
      const std::size_t got = reader_->read(into, std::min<std::uint64_t>(room, left));
      left -= got;
      return got;
    };
    request.body_size = piece_size_;
    return request;
  }

  /// Finds out what became of an upload that broke.
  void recover() {
    const HttpAnswer status = ask("GET", location_, scopes_);
    const std::uint64_t kept = quirks::acknowledged(status.header("range"));
    if (status.ok() && kept <= size_) {
      if (kept < offset_) note_loss(status);
      if (const auto next = status.header("location"); !next.empty()) location_ = resolve_url(location_, next);
      offset_ = kept;
      resumed_ = resumed_ || kept > 0;
      if (kept > 0)
        session_.reporter().detail(
            fmt::format("{} resumes after {} of {}", what_, human_size(kept), human_size(size_)));
    } else if (present()) {
      complete_ = true;  // only its answer was lost
    } else {
      note_loss(status);
      begin();
    }
  }

  /// An attempt that got on is not counted against the limit of attempts: what is lost after that has to be.
  void note_loss(const HttpAnswer& status) {
    if (++losses_ > max_losses)
      session_.refuse(
          fmt::format("{}: the registry lost {} times what it had of it ({})", what_, losses_, describe(status)),
          "see the registry's log: it may be restarted again and again, or have no lasting storage");
  }

  /// Whether there is a smaller size to try after this refusal. All later uploads to this registry begin with it.
  bool make_chunks_smaller(const HttpAnswer& answer) {
    const bool whole_refused = whole_ && quirks::refuses_whole_uploads(answer);
    if (!quirks::refuses_size(answer) && !whole_refused) return false;
    if (const auto known = session_.chunk_size(endpoint_); known > 0 && (whole_refused || known < piece_size_)) {
      begin();  // another upload, under way at the same time, found it out before
      return true;
    }
    const auto* smaller = std::ranges::find_if(
        chunk_sizes, [&](std::uint64_t size) { return (size < piece_size_ || whole_refused) && size >= chunk_min_; });
    if (smaller == std::end(chunk_sizes)) return false;
    session_.limit_chunk_size(endpoint_, *smaller);
    session_.reporter().detail(fmt::format("{} refuses uploads of {} ({}): from now on in chunks of {}", endpoint_.name,
                                           human_size(piece_size_), describe(answer), human_size(*smaller)));
    begin();
    return true;
  }

  Client::Session& session_;
  const Endpoint& endpoint_;
  Repository repository_;
  oci::Digest digest_;
  std::uint64_t size_;
  const OpenSource& open_;
  Scopes scopes_;
  std::string what_;
  std::string ledger_key_;
  std::string location_;
  std::uint64_t chunk_min_ = 0;
  std::uint64_t offset_ = 0;      // what the registry has for sure
  unsigned losses_ = 0;           // times that it had less than it had said
  std::uint64_t piece_size_ = 0;  // of the request under way
  bool closing_ = false;          // the request under way completes the blob
  bool whole_ = false;            // and carries all that was left of it
  bool complete_ = false;
  bool resumed_ = false;  // it builds on what an earlier attempt or run left
  std::unique_ptr<PieceReader> reader_;
};

}  // namespace

Client::PushResult Client::push_blob(const Repository& repository, const oci::Digest& digest, std::uint64_t size,
                                     const std::optional<oci::Repository>& mount_from, const OpenSource& open) {
  return Upload(*session_, repository, digest, size, open).run(mount_from);
}

}  // namespace airlock::registry
