// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/prune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/flow/receipt_files.hpp"
#include "airlock/registry/client.hpp"
#include "flow/destinations.hpp"

namespace airlock::flow {

namespace {

constexpr std::size_t max_receipt_file = 64U << 20;

using Name = std::pair<oci::Repository, oci::Tag>;

records::Receipt read_receipt(const std::filesystem::path& file, const std::optional<trust::PublicKey>& key) {
  return key ? verify_receipt(file, file.string() + ".sig", *key)
             : records::Receipt::parse(read_file(file, max_receipt_file), file.string());
}

bool is_receipt(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return false;
  std::string start(1, '\0');
  if (std::filesystem::file_size(file) == 0) return false;
  read_exactly(open_file(file, O_RDONLY), 0, start, file);
  return start == "{";
}

void check_place(const records::Receipt& receipt, const std::filesystem::path& file, const registry::Location& target) {
  if (receipt.registry.key() == target.key()) return;
  throw Error(ErrorCode::usage,
              fmt::format("{} is about {}, not about {}", file.string(), receipt.registry.str(), target.str()))
      .hint("name the registry and prefix of the receipt, or other receipts");
}

/// What receipts say that airlock made.
struct Made {
  std::map<Name, oci::Digest> names;
  std::map<oci::Repository, std::set<oci::Digest>> content;

  void add(const records::Receipt& receipt) {
    for (const records::ReceiptImage& image : receipt.images)
      names.insert_or_assign({image.repository, image.tag}, image.digest);
    for (const auto& [digest, blob] : receipt.blobs)
      for (const oci::Repository& repository : blob.repositories) content[repository].insert(digest);
  }
};

/// Names of a bundle, by the rules that are given or its own.
std::set<Name> names_of(const bundle::Metadata& metadata, const PruneRequest& request,
                        std::map<oci::Reference, std::set<Name>>& by_source) {
  Naming naming = request.naming.of(metadata);
  naming.files = true;
  std::set<Name> names;
  for (const auto& destination : destinations_of(metadata.images, request.target, naming)) {
    names.emplace(destination.repository.name, *destination.tag);
    by_source[destination.image->source].emplace(destination.repository.name, *destination.tag);
  }
  return names;
}

/// A bundle that was imported with other rules has other names here than it seems.
void warn_of_other_rules(const std::filesystem::path& file, const std::map<oci::Reference, std::set<Name>>& by_source,
                         const std::vector<records::Receipt>& made, Reporter& reporter) {
  for (const records::Receipt& receipt : made)
    for (const records::ReceiptImage& image : receipt.images) {
      const auto names = by_source.find(image.source);
      if (names == by_source.end() || names->second.contains({image.repository, image.tag})) continue;
      return reporter.warning(fmt::format(
          "{} keeps {} under {}:{}, and a receipt has it under {}:{}: if this bundle was imported with other "
          "rules of names, give them (--map), or its receipt instead of it",
          file.string(), image.source.str(), names->second.begin()->first.str(), names->second.begin()->second.str(),
          image.repository.str(), image.tag.str()));
    }
}

std::set<Name> kept_names(const PruneRequest& request, const std::vector<records::Receipt>& made, Reporter& reporter) {
  std::set<Name> kept;
  for (const auto& file : request.keep) {
    if (is_receipt(file)) {
      const records::Receipt receipt = records::Receipt::parse(read_file(file, max_receipt_file), file.string());
      check_place(receipt, file, request.target);
      for (const records::ReceiptImage& image : receipt.images) kept.emplace(image.repository, image.tag);
      continue;
    }
    // Nobody has to vouch for it: what it names only stays.
    const auto bundle = bundle::read_unverified(bundle::open_medium(file, {}));
    std::map<oci::Reference, std::set<Name>> by_source;
    kept.merge(names_of(bundle.metadata, request, by_source));
    bool recorded = false;
    for (const records::Receipt& receipt : made)  // its names, as they were made
      if (receipt.bundle == bundle.sums_digest) {
        recorded = true;
        for (const records::ReceiptImage& image : receipt.images) kept.emplace(image.repository, image.tag);
      }
    if (!recorded) warn_of_other_rules(file, by_source, made, reporter);
  }
  return kept;
}

/// One repository: what goes from it.
class RepositoryPruner {
 public:
  RepositoryPruner(registry::Client& client, registry::Repository repository, const std::set<oci::Digest>& made,
                   PruneResult& result)
      : client_(client), repository_(std::move(repository)), made_(made), result_(result) {}

  /// `wanted`: tags that may go, and what they stood for when airlock made them.
  void plan(const std::map<oci::Tag, oci::Digest>& wanted) {
    const auto tags = client_.tags(repository_);
    if (!tags) {
      result_.gone += wanted.size();
      return;
    }
    for (const oci::Tag& tag : *tags) {
      const auto candidate = wanted.find(tag);
      const auto served = client_.fetch_manifest(repository_, tag);
      if (!served) continue;
      if (candidate != wanted.end() && candidate->second == served->digest)
        going_.emplace(tag, served->digest);
      else if (candidate != wanted.end())
        result_.stay.push_back(fmt::format("{}:{}: it stands for another manifest than airlock put there, {}",
                                           repository_.str(), tag.str(), served->digest.str()));
      else if (!oci::cosign_subject(tag))
        note_reached(*served, needed_);
      if (candidate == wanted.end() && oci::cosign_subject(tag)) signatures_.emplace(tag, served->digest);
      if (going_.contains(tag)) note_reached(*served, reached_);
      if (candidate != wanted.end() && !going_.contains(tag)) note_reached(*served, needed_);
    }
    for (const auto& [tag, digest] : wanted)
      if (std::find(tags->begin(), tags->end(), tag) == tags->end()) ++result_.gone;
    for (const auto& [tag, digest] : signatures_) {
      const oci::Digest subject = *oci::cosign_subject(tag);
      if (reached_.contains(subject) && !needed_.contains(subject) && made_.contains(digest))
        going_.emplace(tag, digest);
    }
    for (const auto& [tag, digest] : going_)
      result_.names.push_back({fmt::format("{}:{}", repository_.str(), tag.str()), digest});
  }

  void discard() {
    for (const auto& [tag, digest] : going_) {
      if (client_.delete_manifest(repository_, tag) != registry::Client::DeleteResult::unsupported) continue;
      // Without deletion by tag, the manifest goes with all its tags: not where another one needs it.
      if (needed_.contains(digest)) stays(tag);
      reached_.insert(digest);
    }
    // Indexes before what they name: no moment in which an index lacks members.
    std::vector<oci::Digest> order;
    for (const auto& [tag, digest] : going_) order.push_back(digest);
    order.insert(order.end(), reached_.begin(), reached_.end());
    std::set<oci::Digest> done;
    for (const oci::Digest& digest : order)
      if (!needed_.contains(digest) && done.insert(digest).second) remove(digest);
  }

 private:
  void note_reached(const registry::FetchedManifest& manifest, std::set<oci::Digest>& into) {
    if (!into.insert(manifest.digest).second) return;
    const oci::Document document = oci::parse_document(manifest.bytes, manifest.media_type);
    if (const oci::Index* index = document.index())
      for (const oci::Descriptor& member : index->manifests)
        if (!into.contains(member.digest))
          if (const auto below = client_.fetch_manifest(repository_, member.digest)) note_reached(*below, into);
  }

  void stays(const oci::Tag& tag) {
    const std::string name = fmt::format("{}:{}", repository_.str(), tag.str());
    result_.stay.push_back(name + ": another tag needs its manifest, and the registry deletes no single tags");
    std::erase_if(result_.names, [&](const PrunedName& one) { return one.name == name; });
  }

  void remove(const oci::Digest& digest) {
    using enum registry::Client::DeleteResult;
    const auto outcome = client_.delete_manifest(repository_, digest);
    if (outcome == unsupported)
      throw Error(ErrorCode::registry, Side::target, repository_.registry.str() + " does not delete manifests")
          .hint(
              "allow it: distribution and docker-registry have storage.delete.enabled "
              "(REGISTRY_STORAGE_DELETE_ENABLED=true)");
    if (outcome == deleted) ++result_.manifests;
  }

  registry::Client& client_;
  registry::Repository repository_;
  const std::set<oci::Digest>& made_;
  PruneResult& result_;
  std::map<oci::Tag, oci::Digest> going_;
  std::map<oci::Tag, oci::Digest> signatures_;  // cosign's tags
  std::set<oci::Digest> reached_;               // by tags that go
  std::set<oci::Digest> needed_;                // by all others
};

std::vector<records::Receipt> receipts_of(const PruneRequest& request) {
  std::vector<records::Receipt> receipts;
  for (const auto& file : request.made) {
    receipts.push_back(read_receipt(file, request.key));
    check_place(receipts.back(), file, request.target);
  }
  // What a name stood for last counts, in whatever order the receipts are given.
  std::stable_sort(receipts.begin(), receipts.end(),
                   [](const records::Receipt& a, const records::Receipt& b) { return a.time < b.time; });
  return receipts;
}

}  // namespace

PruneResult prune(const PruneRequest& request, Reporter& reporter) {
  const std::vector<records::Receipt> receipts = receipts_of(request);
  Made made;
  for (const records::Receipt& receipt : receipts) made.add(receipt);
  const std::set<Name> kept = kept_names(request, receipts, reporter);
  PruneResult result;
  std::map<oci::Repository, std::map<oci::Tag, oci::Digest>> wanted;
  for (const auto& [name, digest] : made.names) {
    if (kept.contains(name))
      ++result.kept;
    else
      wanted[name.first].emplace(name.second, digest);
  }
  registry::Client client(request.client, reporter);
  client.reach(request.target.host);
  std::vector<RepositoryPruner> pruners;
  reporter.begin("looking", 0, wanted.size());
  for (const auto& [repository, tags] : wanted) {
    const auto content = made.content.find(repository);
    static const std::set<oci::Digest> nothing;
    pruners.emplace_back(client, registry::Repository{request.target.host, repository},
                         content == made.content.end() ? nothing : content->second, result);
    pruners.back().plan(tags);
    reporter.item_done();
  }
  reporter.end();
  if (!request.discard) return result;
  reporter.begin("deleting", 0, pruners.size());
  for (RepositoryPruner& pruner : pruners) {
    pruner.discard();
    reporter.item_done();
  }
  reporter.end();
  return result;
}

}  // namespace airlock::flow
