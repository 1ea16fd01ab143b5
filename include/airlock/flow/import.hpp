// SPDX-License-Identifier: Apache-2.0
// The isolated side's story: verify -> preflight -> push -> check -> emit.
#pragma once

#include <chrono>
#include <functional>

#include "airlock/flow/naming.hpp"
#include "airlock/flow/shard.hpp"
#include "airlock/flow/verify.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "airlock/records/receipt.hpp"
#include "airlock/transfer/copy.hpp"

namespace airlock::flow {

/// What becomes of documents with Docker's media types.
enum class DockerTypes {
  keep,    ///< they are what upstream served; a registry that does not take them is an Error before anything is sent
  convert  ///< to the OCI's: their digests change
};

struct ImportRequest {
  VerifyRequest verify;
  registry::Location target;
  registry::ClientOptions client;
  unsigned jobs = 0;  ///< requests at a time; 0: as the registry's distance wants it
  kubeone::ApiVersion api_version = kubeone::ApiVersion::v1beta2;
  DockerTypes types = DockerTypes::keep;
  NamingRequest naming;
  Shard shard;               ///< the images of this shard only
  bool prove_blobs = false;  ///< ask for every blob afterwards, as a receipt has to
  bool dry_run = false;      ///< stop before anything is written to the registry
  transfer::Existing existing = transfer::Existing::move;
  /// Looks at the files that the caller will write: may throw an Error.
  std::function<void()> check_targets;
  /// Called with what was verified, before the registry is asked: may throw an Error.
  std::function<void(const bundle::Metadata&)> preflight;
  /// Which KubeOne release the configuration is for, asked with what was verified.
  std::function<kubeone::Consumer(const bundle::Metadata&)> consumer;
};

struct ImportResult {
  bundle::Metadata metadata;
  trust::Evidence evidence;
  Naming naming;
  std::vector<transfer::Destination> destinations;  ///< point into `metadata`, whose images are as they were imported
  transfer::CopySummary push;                       ///< of a dry run, its moves only
  kubeone::RegistryConfiguration configuration;
  std::map<oci::Digest, records::ReceiptBlob>
      held;                           ///< with prove_blobs: every blob of the images, and which repositories have it
  std::vector<std::string> sources;   ///< source registries, sorted
  std::vector<std::string> warnings;  ///< what a person must know before a cluster uses it
  registry::Statistics statistics;
  std::chrono::milliseconds duration{};
};

/// Nothing is sent to the registry before signatures, structure, metadata and manifests are verified. Blobs are read
/// once, hashed as they are sent, and never completed in the registry when they are wrong; no name is written before
/// all of them are stored. With BlobCheck::now in `verify`, every byte is checked before anything is sent.
std::unique_ptr<ImportResult> import_bundle(const ImportRequest& request, const trust::Policy& policy,
                                            Reporter& reporter);

}  // namespace airlock::flow
