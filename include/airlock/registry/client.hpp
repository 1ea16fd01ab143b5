// SPDX-License-Identifier: Apache-2.0
// A client of the OCI distribution-spec v1.1 (end-1 to end-11) with the token authentication that registries use
// (distribution/distribution, docs/spec/auth/token.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/oci/blob.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"
#include "airlock/registry/types.hpp"

namespace airlock::registry {

/// A repository of a registry, as a source names it; mirrors are applied inside.
struct Repository {
  oci::Registry registry;
  oci::Repository name;
  auto operator<=>(const Repository&) const = default;
  std::string str() const;
};

using oci::BlobPart;
using oci::BlobSink;
using oci::BlobSource;
/// A manifest as served.
using FetchedManifest = oci::RawDocument;

/// What a client did so far.
struct Statistics {
  std::uint64_t requests = 0;  ///< all that were sent, retries included
  std::uint64_t retries = 0;
};

/// How many pulls a registry still grants, by its `ratelimit-*` headers (docs.docker.com, "Docker Hub usage and
/// limits").
struct RateLimit {
  std::uint64_t remaining = 0;
  std::uint64_t limit = 0;  ///< 0: not said
};

/// All errors have code `registry` (or `format`, where bytes are not what was asked for) and say which side failed.
/// Thread-safe.
class Client {
 public:
  class Session;  ///< src/registry/session.hpp

  Client(ClientOptions options, Reporter& reporter);
  explicit Client(std::unique_ptr<Session> session);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Reaches the registry and its API, and finds out how. Called by itself before the first request to a host.
  Reach reach(const oci::Registry& registry);

  /// How long the registry took to answer the smallest of requests.
  std::chrono::microseconds distance(const oci::Registry& registry);

  Statistics statistics() const;
  /// What the registry last said of its limits; nothing where it says nothing.
  std::optional<RateLimit> rate_limit(const oci::Registry& registry) const;

  /// Asks for a manifest. Nothing when the registry answers that there is no such manifest, or on
  /// the target's side that it may not be read (yet). With a digest, other bytes than asked for are an Error.
  std::optional<FetchedManifest> fetch_manifest(const Repository& repository, const oci::ManifestId& id);

  /// The digest that the registry names for a manifest, without fetching it: what it says, not what was checked.
  /// Nothing when there is no such manifest, or the registry does not say.
  std::optional<oci::Digest> ask_digest(const Repository& repository, const oci::ManifestId& id);

  /// Streams a part of a blob. The sink checks what it gets; this checks that it gets all of it.
  void fetch_blob(const Repository& repository, const oci::Digest& digest, BlobPart part, BlobSink& sink);

  /// Whether the registry takes manifests of this media type, found out by sending one that is empty, which none takes.
  bool takes_type(const Repository& repository, const std::string& media_type);

  /// Whether blobs may be pushed into a repository, found out by opening an upload and ending it. An Error says why
  /// not.
  void check_push(const Repository& repository);

  /// Nothing where a registry does not let blobs be looked at.
  std::optional<bool> has_blob(const Repository& repository, const oci::Digest& digest);

  enum class PushResult { sent, mounted, present };
  /// Uploads a blob, or mounts it from another repository of the same registry that has it. The registry may refuse to
  /// mount (then it is sent, unless it is there already) and to take it in one piece (then it is sent in chunks). An
  /// upload that broke resumes where the registry says that it stood. `open` is called at the start and after a break;
  /// an Error that it, or its source, throws ends the upload, which the registry then never sees completed.
  PushResult push_blob(const Repository& repository, const oci::Digest& digest, std::uint64_t size,
                       const std::optional<oci::Repository>& mount_from,
                       const std::function<std::unique_ptr<BlobSource>()>& open);

  enum class PutResult {
    stored,
    stored_with_subject,  ///< the same, and the registry keeps referrers of this manifest's subject (OCI-Subject)
    members_missing       ///< an index was refused because it names manifests that the registry does not have
  };
  /// What the repository has of what a manifest names.
  enum class Members {
    all,  ///< refusals for lack of them pass, as another client or a replica is late: it is put again
    some
  };
  /// Stores a manifest under a tag or its digest.
  PutResult push_manifest(const Repository& repository, const oci::ManifestId& id, const std::string& media_type,
                          std::string_view bytes, Members members = Members::all);

  /// Waits, longer with each attempt, for what was just stored and is not seen yet.
  void pause(unsigned attempt, const std::string& what);

  /// Manifests of the repository that name `digest` as their subject (distribution-spec, "Listing Referrers"). Nothing
  /// where the registry has no such list: then a tag may hold it (oci::referrers_tag()).
  std::optional<oci::ReferrerList> referrers(const Repository& repository, const oci::Digest& digest);

  /// All tags of a repository; nothing where there is no such repository (distribution-spec v1.1, "Listing Tags").
  std::optional<std::vector<oci::Tag>> tags(const Repository& repository);

  enum class DeleteResult {
    deleted,
    absent,
    unsupported  ///< the registry does not delete by tag, or not at all
  };
  /// Deletes a tag, or a manifest with all tags that stand for it ("Deleting manifests").
  DeleteResult delete_manifest(const Repository& repository, const oci::ManifestId& id);

  /// A file from the web, with the same retries, redirects, mirrors, credentials and TLS as a registry's answers; one
  /// larger than `limit` bytes is an Error. Nothing where the server says that there is no such file (404).
  std::optional<std::string> fetch_text(const std::string& url, std::size_t limit = 4U << 20);
  /// Of a file that need not be there, beside one that the server gave: its refusal counts as absence too, with a
  /// warning. Any other failure is an Error.
  std::optional<std::string> fetch_text_beside(const std::string& url, std::size_t limit = 4U << 20);

  /// The same for a file of any size. `begin` is called before the first byte of each attempt: what was written before
  /// it counts for nothing. False where there is no such file.
  bool fetch_file(const std::string& url, const std::function<void()>& begin,
                  const std::function<void(std::string_view)>& write);

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace airlock::registry
