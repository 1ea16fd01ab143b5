// SPDX-License-Identifier: Apache-2.0
// A registry as a source and as a target, and as something that is only looked at.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/made_content.hpp"
#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// One repository. What is sent is not hashed: the sink does that.
class RegistrySource final : public Source {
 public:
  /// REQUIRES: the client outlives it.
  RegistrySource(registry::Client& client, registry::Repository repository)
      : client_(client), repository_(std::move(repository)) {}

  const registry::Repository& repository() const { return repository_; }
  std::optional<oci::RawDocument> document(const oci::Digest& digest) override;
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override;
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override { return open_by_sending(*this, blob); }
  std::string name_of(const oci::Node& /*blob*/) const override { return repository_.str(); }

 private:
  registry::Client& client_;
  registry::Repository repository_;
};

/// A set of images, each from its own repository, or made here: what several have comes from the first of them.
class ImageSetSource final : public Source {
 public:
  /// REQUIRES: the graph holds the images, whole. It, the client and the content outlive this.
  ImageSetSource(registry::Client& client, const oci::Graph& graph, const std::vector<records::Image>& images,
                 const MadeContent& made);

  std::optional<oci::RawDocument> document(const oci::Digest& digest) override { return all_.document(digest); }
  bool has(const oci::Node& blob) const override { return all_.has(blob); }
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override { all_.send(blob, part, sink); }
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override { return all_.open(blob); }
  std::string name_of(const oci::Node& blob) const override { return all_.name_of(blob); }

 private:
  std::vector<std::unique_ptr<RegistrySource>> repositories_;
  MadeSource made_;
  UnionSource all_;
};

/// The index of an image without the members that the graph leaves out, for registries that refuse the original;
/// nothing when it leaves none out, or the image is no index.
std::optional<std::string> derived_index(const oci::Graph& graph, const records::Image& image);

class BlobPusher;  // src/transfer/blob_pusher.hpp

/// The repositories and tags of a registry. REQUIRES: client, graph and reporter outlive it.
class RegistryTarget final : public Target {
 public:
  RegistryTarget(registry::Client& client, const oci::Graph& graph, Reporter& reporter);
  ~RegistryTarget() override;

  Phases phases() const override;
  Presence look(const Destination& destination) override;
  bool has(const registry::Repository& repository, const oci::Node& blob) override;
  /// The smallest blob that several repositories need, where they share much: it shows whether the registry mounts.
  const BlobTask* trial(const std::vector<BlobTask>& tasks) override;
  /// Once over the wire, whatever the number of repositories that need it: the others mount it where the registry can.
  /// Where it mounts nothing, they are sent it at the same time, from one reading.
  Stored put_blob(const BlobTask& task, std::size_t part, Attempt attempt, Source& source) override;
  void put_document(const Destination& destination, const oci::Node& document) override;
  void put_referrer(const Destination& destination, const records::Referrer& referrer) override;
  void put_name(const Destination& destination) override;
  std::optional<Published> read_back(const Destination& destination) override;

  std::uint64_t manifests_sent() const { return manifests_; }

 private:
  registry::Client::PutResult put_manifest(const registry::Repository& repository, const oci::ManifestId& id,
                                           const oci::Node& document);
  std::optional<Published> compare_top(const registry::FetchedManifest& top, const Destination& destination) const;
  bool has_members(const Destination& destination);

  registry::Client& client_;
  const oci::Graph& graph_;
  Reporter& reporter_;
  std::unique_ptr<BlobPusher> pusher_;
  std::atomic<std::uint64_t> manifests_{0};
  std::mutex mutex_;
  // Manifests whose subject the registry did not take note of, if they have one. Guarded by mutex_ while documents are
  // put.
  std::set<std::pair<registry::Repository, oci::Digest>> unlisted_;
};

struct CheckSummary {
  std::uint64_t names = 0;                     ///< tags that stand for their image
  std::uint64_t manifests = 0;                 ///< of platforms and referrers, by digest
  std::uint64_t blobs = 0;                     ///< configs and layers, in each repository that needs them
  std::vector<std::string> problems;           ///< "NAME: what is missing or different", a line for each name
  bool lost_parts = false;                     ///< a name is served whose parts are missing: an import would believe it
  std::vector<const records::Image*> derived;  ///< whose tag stands for an index with only the bundle's platforms
  std::vector<records::Missing> missing = {};  ///< of the selection, which the bundle lacks too
};

/// Asks for everything that kubelet and kubeadm will ask for, and puts nothing: for every destination, the tag's
/// manifest is the image's (or the derived index), each document below it is served under its digest, each blob is in
/// the same repository. A problem is noted; an Error is a registry that cannot be asked at all.
class CheckTarget final : public Target {
 public:
  CheckTarget(registry::Client& client, const oci::Graph& graph) : client_(client), graph_(graph) {}

  Phases phases() const override;
  Stored put_blob(const BlobTask& task, std::size_t part, Attempt attempt, Source& source) override;
  void put_document(const Destination& destination, const oci::Node& document) override;
  void put_referrer(const Destination& destination, const records::Referrer& referrer) override;
  void put_name(const Destination& destination) override;

  /// Ends the object's use; problems are sorted. The destinations are those of the copy.
  CheckSummary take(const std::vector<Destination>& destinations);

 private:
  void count(std::uint64_t CheckSummary::*field);
  /// `counts_alone`: there is nothing more to say of this name.
  void problem(const Destination& destination, const std::string& text, bool counts_alone = false);

  registry::Client& client_;
  const oci::Graph& graph_;
  struct Problem {
    std::string text;  // of the first
    std::size_t count = 0;
    bool counts_alone = false;
  };
  using Part = std::pair<registry::Repository, const oci::Node*>;

  /// Something that every name needs whose image it is part of: all of them are asked for in take().
  void part_is_missing(const Destination& destination, const oci::Node& node, const std::string& text);

  std::mutex mutex_;  // guards what follows
  CheckSummary summary_;
  std::map<Part, std::string> missing_parts_;
  std::map<std::string, Problem> problems_;  // by name
};

}  // namespace airlock::transfer
