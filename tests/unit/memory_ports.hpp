// SPDX-License-Identifier: Apache-2.0
// A source and a target in memory. The target notes what is done to it, refuses what a registry would refuse, and can
// fail at its Nth call.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/oci/graph_builder.hpp"
#include "airlock/transfer/target.hpp"

namespace airlock::test {

/// Texts by digest; documents with their types.
class MemorySource : public transfer::Source {
 public:
  oci::Descriptor add_document(const std::string& text, std::string_view type) {
    const oci::Digest digest = oci::sha256(text);
    texts.insert_or_assign(digest, text);
    types.insert_or_assign(digest, std::string(type));
    return {std::string(type), digest, text.size(), std::nullopt, {}};
  }
  oci::Descriptor add_blob(const std::string& text, std::string_view type) {
    texts.insert_or_assign(oci::sha256(text), text);
    return {std::string(type), oci::sha256(text), text.size(), std::nullopt, {}};
  }
  /// A manifest of a config and layers with these texts.
  oci::Descriptor add_manifest(const std::string& config, const std::vector<std::string>& layers, Json more = {}) {
    Json body{{"schemaVersion", 2}, {"mediaType", oci::media_type::oci_manifest}, {"layers", Json::array()}};
    body["config"] = add_blob(config, oci::media_type::oci_config).to_json();
    for (const std::string& layer : layers)
      body["layers"].push_back(add_blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip").to_json());
    if (more.is_object()) body.update(more);
    return add_document(body.dump(), oci::media_type::oci_manifest);
  }
  oci::Descriptor add_index(const std::vector<oci::Descriptor>& members, Json more = {}) {
    Json body{{"schemaVersion", 2}, {"mediaType", oci::media_type::oci_index}, {"manifests", Json::array()}};
    for (const oci::Descriptor& member : members) body["manifests"].push_back(member.to_json());
    if (more.is_object()) body.update(more);
    return add_document(body.dump(), oci::media_type::oci_index);
  }

  oci::GraphBuilder::Fetch fetch() {
    return [this](const oci::Digest& digest) { return document(digest); };
  }

  std::optional<oci::RawDocument> document(const oci::Digest& digest) override {
    ++fetched;
    const auto type = types.find(digest);
    if (type == types.end()) return std::nullopt;
    return oci::RawDocument{type->second, texts.at(digest), oci::sha256(texts.at(digest))};
  }
  bool has(const oci::Node& blob) const override { return !lacking.contains(blob.digest); }
  void send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) override {
    const std::string& text = texts.at(blob.digest);
    const std::uint64_t end = part.offset + part.size;
    for (std::uint64_t at = part.offset + sink.received(); at < end; at += 3)
      sink.write(std::string_view(text).substr(at, std::min<std::uint64_t>(3, end - at)));
  }
  std::unique_ptr<oci::BlobSource> open(const oci::Node& blob) override {
    return transfer::open_by_sending(*this, blob);
  }
  std::string name_of(const oci::Node& /*blob*/) const override { return "memory"; }

  std::map<oci::Digest, std::string> texts;
  std::map<oci::Digest, std::string> types;
  std::set<oci::Digest> lacking;  ///< of a delta
  std::atomic<unsigned> fetched{0};
};

/// Repositories with blobs, documents and tags. Thread-safe.
class MemoryTarget : public transfer::Target {
 public:
  explicit MemoryTarget(const oci::Graph& graph) : graph_(graph) {}

  transfer::Phases phases() const override {
    return {"looking", "putting", "storing", "listing", "naming", "reading back", needs_bytes, configs_first};
  }

  transfer::Presence look(const transfer::Destination& destination) override {
    const std::lock_guard lock(mutex_);
    call("look " + destination.str());
    transfer::Presence found;
    const auto name = names.find(destination.str());
    if (name == names.end()) return found;
    if (name->second != destination.image->descriptor.digest)
      found.moves.push_back({destination.str(), name->second, destination.image->descriptor.digest});
    else
      found.published = transfer::Published{destination, name->second, false, false};
    return found;
  }
  bool has(const registry::Repository& repository, const oci::Node& blob) override {
    const std::lock_guard lock(mutex_);
    call("has " + repository.str() + " " + blob.digest.str());
    return held[repository.str()].contains(blob.digest);
  }
  bool wants(const oci::Node& blob) override { return !unwanted.contains(blob.digest); }
  std::size_t parts(const oci::Node& /*blob*/) override { return part_count; }

  transfer::Stored put_blob(const transfer::BlobTask& task, std::size_t part, transfer::Attempt attempt,
                            transfer::Source& source) override {
    std::string text;
    if (source.has(*task.blob) && needs_bytes) {
      const auto bytes = source.open(*task.blob);
      for (auto piece = bytes->next(); !piece.empty(); piece = bytes->next()) text += piece;
    }
    const std::lock_guard lock(mutex_);
    call("put " + text + (attempt == transfer::Attempt::afresh ? " afresh" : ""));
    if (!task.may_be_in.empty()) asked_elsewhere.insert(task.blob->digest);
    if (again_once.erase(task.blob->digest) > 0) return {false, true, 0, 0, 0};
    if (part + 1 < part_count) return {false, false, 0, 0, 0};
    transfer::Stored stored;
    for (const auto* destination : task.needed_by) {
      if (!source.has(*task.blob) && !task.known_in)
        throw Error(ErrorCode::internal, "nothing to put, and nowhere to mount it from");
      held[destination->repository.str()].insert(task.blob->digest);
      ++(source.has(*task.blob) ? stored.sent : stored.mounted);
    }
    return stored;
  }
  void put_document(const transfer::Destination& destination, const oci::Node& document) override {
    const std::lock_guard lock(mutex_);
    call("document " + document.digest.short_hex());
    store(destination.repository, document);
  }
  void put_referrer(const transfer::Destination& destination, const records::Referrer& referrer) override {
    const std::lock_guard lock(mutex_);
    call("referrer " + referrer.descriptor.digest.short_hex());
    if (!held[destination.repository.str()].contains(referrer.descriptor.digest))
      throw Error(ErrorCode::internal, "a referrer is listed that is not there");
  }
  void put_name(const transfer::Destination& destination) override {
    const std::lock_guard lock(mutex_);
    call("name " + destination.str());
    store(destination.repository, graph_.at(destination.image->descriptor.digest));
    names.insert_or_assign(destination.str(), destination.image->descriptor.digest);
  }
  std::optional<transfer::Published> read_back(const transfer::Destination& destination) override {
    const std::lock_guard lock(mutex_);
    call("read " + destination.str());
    if (forgetful) return std::nullopt;
    return transfer::Published{destination, names.at(destination.str()), false, false};
  }

  /// Where in the calls the first one begins so; the number of calls where none does.
  std::size_t first(const std::string& start) const {
    for (std::size_t i = 0; i < calls.size(); ++i)
      if (calls[i].starts_with(start)) return i;
    return calls.size();
  }
  std::size_t count(const std::string& start) const {
    std::size_t found = 0;
    for (const std::string& text : calls) found += text.starts_with(start) ? 1U : 0U;
    return found;
  }

  std::vector<std::string> calls;
  std::size_t fail_at = SIZE_MAX;
  std::map<std::string, std::set<oci::Digest>> held;  ///< by repository: blobs and documents
  std::map<std::string, oci::Digest> names;
  std::set<oci::Digest> again_once;
  std::set<oci::Digest> asked_elsewhere;  ///< what other processes may have put
  std::set<oci::Digest> unwanted;
  std::size_t part_count = 1;
  bool needs_bytes = true;
  bool configs_first = false;
  bool forgetful = false;

 private:
  void call(std::string text) {
    calls.push_back(std::move(text));
    if (calls.size() - 1 == fail_at) throw Error(ErrorCode::registry, Side::target, "it failed");
  }
  /// As registries do: what a document names has to be there.
  void store(const registry::Repository& repository, const oci::Node& document) {
    auto& there = held[repository.str()];
    const auto need = [&](const oci::Node& node) {
      if (!there.contains(node.digest)) throw Error(ErrorCode::internal, node.digest.str() + " is not there yet");
    };
    for (const auto& member : document.content->members) need(*member.to);
    if (document.content->config) need(*document.content->config->to);
    for (const auto& layer : document.content->layers) need(*layer.to);
    there.insert(document.digest);
  }

  const oci::Graph& graph_;
  std::mutex mutex_;
};

}  // namespace airlock::test
