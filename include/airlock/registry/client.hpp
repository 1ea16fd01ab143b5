// SPDX-License-Identifier: Apache-2.0
// A client of the OCI distribution-spec v1.1 (end-1 to end-11) with the token authentication that registries use
// (distribution/distribution, docs/spec/auth/token.md).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/base/reporter.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"
#include "airlock/registry/types.hpp"

namespace airlock::registry {

/// A repository of a registry, as a source names it; mirrors are applied inside.
struct Repository {
  std::string registry;
  std::string name;
  auto operator<=>(const Repository&) const = default;
  std::string str() const { return registry + "/" + name; }
};

/// A manifest as served.
struct FetchedManifest {
  std::string media_type;
  std::string bytes;
  oci::Digest digest;  ///< computed from the bytes, never taken from a header
};

/// Takes a blob's bytes in order. A transfer that broke goes on where it stood, or starts over.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual void write(std::string_view bytes) = 0;
  virtual std::uint64_t received() const = 0;
  virtual void restart() = 0;
};

/// Gives a blob's bytes once: each call to next() returns the next piece, empty at the end.
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  virtual std::string_view next() = 0;
};

/// All errors have code `registry` (or `format`, where bytes are not what was asked for) and say which side failed.
/// Thread-safe.
class Client {
 public:
  Client(ClientOptions options, Reporter& reporter);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Reaches the registry and its API, and finds out how. Called by itself before the first request to a host.
  Reach reach(const std::string& registry);

  /// Asks for `identifier`, a tag or a digest. Nothing when the registry answers that there is no such manifest, or on
  /// the target's side that it may not be read (yet). With a digest, other bytes than asked for are an Error.
  std::optional<FetchedManifest> fetch_manifest(const Repository& repository, const std::string& identifier);

  /// Streams a blob of `size` bytes. The sink checks size and digest; this checks that the transfer was whole.
  void fetch_blob(const Repository& repository, const oci::Digest& digest, std::uint64_t size, BlobSink& sink);

  bool has_blob(const Repository& repository, const oci::Digest& digest);

  /// Makes a blob of another repository of the same registry known in this one. False when the registry would not.
  bool mount_blob(const Repository& repository, const oci::Digest& digest, const std::string& from);

  /// Uploads a blob in one piece. `open` is called for each attempt; an Error that it throws ends the upload, which the
  /// registry then never sees completed.
  void push_blob(const Repository& repository, const oci::Digest& digest, std::uint64_t size,
                 const std::function<std::unique_ptr<BlobSource>()>& open);

  enum class PutResult {
    stored,
    members_missing  ///< an index was refused because it names manifests that the registry does not have
  };
  /// Stores a manifest under a tag or its digest.
  PutResult push_manifest(const Repository& repository, const std::string& identifier, const std::string& media_type,
                          std::string_view bytes);

  /// A small file (at most 4 MiB) from the web, anonymously, with the same retries, redirects and TLS as a registry's
  /// answers. Nothing where the server says that there is no such file (404).
  std::optional<std::string> fetch_text(const std::string& url);

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace airlock::registry
