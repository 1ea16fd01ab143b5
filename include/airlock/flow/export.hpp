// SPDX-License-Identifier: Apache-2.0
// The connected side's story: selection -> resolve -> plan -> pull -> sign.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/bundle/volumes.hpp"
#include "airlock/kubeone/name_mapping.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/records/inventory.hpp"
#include "airlock/records/lock.hpp"
#include "airlock/registry/types.hpp"
#include "airlock/transfer/resolve.hpp"
#include "airlock/trust/key.hpp"

namespace airlock::flow {

/// What the registry inside does with an index of which it has not all members.
enum class TargetKind {
  strict,  ///< it refuses it: distribution, docker-registry and zot, as they are set up by default
  sparse   ///< it takes it
};

struct ExportRequest {
  kubeone::ImageSet set;
  transfer::MadeContent made;  ///< those of the set that no registry has: files, charts
  transfer::AllowMissing missing;
  kubeone::NameMapping mapping;  ///< of names inside: checked for clashes, and import's default
  std::string catalog_digest;
  oci::PlatformSelection platforms = oci::PlatformSelection({});
  registry::ClientOptions client;
  unsigned jobs = 0;                     ///< requests at a time; 0: as the registries' distance wants it
  bool referrers = true;                 ///< take signatures, attestations and SBOMs along
  bool allow_missing_referrers = false;  ///< those that cannot be asked for are warned of, else an Error
  TargetKind target = TargetKind::strict;
  std::optional<transfer::Pinned> pinned;  ///< default: whole for strict registries, filter for others
  std::string stream = "default";
  std::optional<std::uint64_t> serial;  ///< default: the time of creation in seconds since 1970
  std::optional<Time> expires;
  std::filesystem::path output;
  bundle::VolumeOptions volumes;
  std::optional<records::Lock> lock;      ///< take exactly this; `set` and `platforms` are the lock's
  std::vector<records::Inventory> since;  ///< leave out the blobs that these have
  bool read_back = false;                 ///< verify the finished bundle, past the page cache
  unsigned hash_jobs = 2;                 ///< threads that hash what an earlier run left
  std::string signature_name;             ///< signatures/NAME.sig
};

struct ExportResult {
  bundle::Metadata metadata;
  std::uint64_t blob_bytes = 0;
  std::uint64_t shared_bytes = 0;  ///< what storing shared blobs once saves
  std::uint64_t base_bytes = 0;    ///< what a delta leaves out
  std::uint64_t archive_size = 0;
  oci::Digest sums_digest = oci::sha256("");
  registry::Statistics statistics;
  std::chrono::milliseconds duration{};
};

/// Makes the bundle `request.output`. On failure no file of that name exists; what was downloaded stays beside it
/// (NAME.partial, NAME.journal), and the same request resumes from there. Only if the medium fails to make the finished
/// bundle's name durable, the file is there in spite of the Error.
ExportResult export_bundle(const ExportRequest& request, const trust::PrivateKey& key, Reporter& reporter);

/// An Error (code `usage`) where a series of bundles cannot have this name.
void check_stream(const std::string& name);

/// What upstream serves now, to be reviewed and exported later.
records::Lock resolve_lock(const ExportRequest& request, Reporter& reporter);

/// All that export does before bytes move: what would be in the bundle, and how large it would be.
ExportResult plan_export(const ExportRequest& request, Reporter& reporter);

}  // namespace airlock::flow
