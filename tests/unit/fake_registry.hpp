// SPDX-License-Identifier: Apache-2.0
// A registry in memory, as the specification has it (distribution-spec, "Pushing blobs") or with what a test wants it
// to get wrong.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "airlock/registry/client.hpp"
#include "fake_transport.hpp"

namespace airlock::test {

using registry::HttpAnswer;
using registry::HttpRequest;

enum class Break { before, half, answer };

class FakeRegistry {
 public:
  enum class Takes { all, small_requests, chunks } takes = Takes::all;
  unsigned break_at = 0;        ///< this request breaks
  bool and_later_ones = false;  ///< and all that follow
  Break kind = Break::before;
  unsigned requests = 0;
  std::uint64_t received = 0;  ///< bytes of bodies
  std::map<std::string, std::string> blobs;
  /// Answers this in the place of what is right.
  std::function<std::optional<HttpAnswer>(const HttpRequest&)> instead;
  bool takes_half = false;  ///< of each chunk

  HttpAnswer serve(const HttpRequest& request) {
    ++requests;
    const bool breaks = requests == break_at || (and_later_ones && requests > break_at);
    if (breaks && kind == Break::before) return broken(HttpAnswer::Failure::transient);
    const HttpAnswer answer = take(request, breaks && kind == Break::half);
    return breaks ? broken(HttpAnswer::Failure::transient) : answer;
  }

 private:
  HttpAnswer take(const HttpRequest& request, bool half) {
    const std::string path = request.url.substr(std::string("https://r.local").size());
    if (path == "/v2/") return status(200);
    if (instead)
      if (auto answer = instead(request)) return *answer;
    if (request.method == "POST") {
      const std::string place = path + std::to_string(++opened_);
      uploads_[place];
      return status(202, {{"location", {place}}});
    }
    if (request.method == "HEAD") return status(blobs.contains(path.substr(path.rfind('/') + 1)) ? 200 : 404);
    const std::string place = path.substr(0, path.find('?'));
    const auto upload = uploads_.find(place);
    if (upload == uploads_.end()) return status(404);
    if (request.method == "GET") return status(204, place_headers(place, upload->second));
    if (request.method == "DELETE") {
      uploads_.erase(upload);
      return status(204);
    }
    return write(request, upload->first, half);
  }

  static std::map<std::string, std::vector<std::string>> place_headers(const std::string& place,
                                                                       const std::string& kept) {
    return {{"location", {place}}, {"range", {"0-" + std::to_string(kept.empty() ? 0 : kept.size() - 1)}}};
  }

  HttpAnswer write(const HttpRequest& request, const std::string& place, bool half) {
    std::string& kept = uploads_.at(place);
    for (const std::string& header : request.headers)
      if (header.starts_with("Content-Range: ") && !header.starts_with("Content-Range: " + std::to_string(kept.size())))
        return status(416);
    if (takes == Takes::chunks && request.method == "PUT" && request.body_size > 0) return status(405);
    if (takes == Takes::small_requests && request.body_size > 5'000'000) return status(413);
    std::string body(half ? request.body_size / 2 : request.body_size, '\0');
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t got = request.body(body.data() + at, std::min<std::size_t>(body.size() - at, 100'000));
      if (got == 0) return status(400);
      at += got;
    }
    received += body.size();
    kept += takes_half && request.method == "PATCH" ? body.substr(0, body.size() / 2 + 1) : body;
    if (half) return {};
    if (request.method == "PATCH") return status(202, place_headers(place, kept));
    const std::string digest = oci::sha256(kept).str();
    const bool right = request.url.ends_with("digest=" + registry::url_encode(digest));
    if (right) blobs[digest] = kept;
    uploads_.erase(place);
    return status(right ? 201 : 400);
  }

  std::map<std::string, std::string> uploads_;
  unsigned opened_ = 0;
};

class Pieces final : public oci::BlobSource {
 public:
  explicit Pieces(const std::string& text) : left_(text) {}
  std::string_view next() override {
    const auto piece = left_.substr(0, 300'000);
    left_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view left_;
};

inline std::string made_blob(std::size_t size) {
  std::string made(size, '\0');
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(i * i / 1000);
  return made;
}

}  // namespace airlock::test
