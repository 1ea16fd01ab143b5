// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/push.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/closure.hpp"
#include "airlock/transfer/relied.hpp"
#include "transfer/attach.hpp"

namespace airlock::transfer {

namespace {

/// Feeds an upload from the bundle; the reader withholds the last piece of a blob that is not what it should be.
class PlaceSource final : public registry::BlobSource {
 public:
  /// `shown` counts what progress has been told of this blob, over all attempts.
  PlaceSource(bundle::BlobReader reader, Reporter& reporter, std::uint64_t& shown)
      : reader_(std::move(reader)), reporter_(reporter), shown_(shown) {
    reporter_.retreat(std::exchange(shown_, 0));
  }
  std::string_view next() override {
    const auto piece = reader_.next();
    shown_ += piece.size();
    reporter_.advance(piece.size());
    return piece;
  }

 private:
  bundle::BlobReader reader_;
  Reporter& reporter_;
  std::uint64_t& shown_;
};

void sort_moves(std::vector<Move>& moves) {
  const auto by_name = [](const Move& a, const Move& b) { return std::tie(a.name, a.to) < std::tie(b.name, b.to); };
  std::sort(moves.begin(), moves.end(), by_name);
  // Several destinations of one repository share a referrer's tag.
  moves.erase(std::unique(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.name == b.name; }),
              moves.end());
}

/// One run of push(): its phases share what is known about the registry.
class Pusher {
 public:
  Pusher(registry::Client& client, const bundle::VerifiedBundle& bundle, const std::vector<Destination>& destinations,
         const PushOptions& options, Reporter& reporter)
      : client_(client),
        bundle_(bundle),
        destinations_(destinations),
        options_(options),
        jobs_(options.jobs),
        reporter_(reporter),
        found_(destinations.size()) {}

  PushSummary run() {
    for_each_open("asking", [this](std::size_t i) { find_present(i); });
    announce_moves();
    find_base();
    send_blobs();
    send_members();
    if (options_.before_names) options_.before_names();
    send_referrers();
    for_each_open("tagging", [this](std::size_t i) { send_top(i); });
    for_each_open("checking", [this](std::size_t i) { read_back(i); });
    summary_.blobs_mounted = mounted_;
    summary_.blobs_present = present_;
    summary_.manifests_sent = manifests_;
    for (auto& published : found_) summary_.published.push_back(std::move(*published));
    return std::move(summary_);
  }

 private:
  /// Runs a step for every destination that is not there yet.
  void for_each_open(const char* phase, const std::function<void(std::size_t)>& step) {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < destinations_.size(); ++i)
      if (!found_[i]) open.push_back(i);
    if (open.empty()) return;
    reporter_.begin(phase, 0, open.size());
    run_parallel(open.size(), jobs_, [&](std::size_t n) {
      const Destination& destination = destinations_[open[n]];
      within([&] { return destination.str(); }, [&] { step(open[n]); });
      reporter_.item_done();
    });
    reporter_.end();
  }

  void find_present(std::size_t i) {
    LookUp there = look_up(client_, bundle_, destinations_[i]);
    found_[i] = std::move(there.published);
    if (found_[i]) found_[i]->present_before = true;
    const std::lock_guard lock(mutex_);
    summary_.moves.insert(summary_.moves.end(), there.moves.begin(), there.moves.end());
  }

  /// Before anything is sent.
  void announce_moves() {
    sort_moves(summary_.moves);
    if (summary_.moves.empty()) return;
    if (options_.existing == Existing::keep) refuse_moves(summary_.moves);
    reporter_.note(count_of(summary_.moves.size(), "name") + " will move:");
    for (const Move& move : summary_.moves)
      reporter_.note("  " + move.name + "\n    from " + move.from.str() + "\n    to   " + move.to.str());
  }

  /// Of a delta: before anything is sent.
  void find_base() {
    std::vector<Destination> open;
    for (std::size_t i = 0; i < destinations_.size(); ++i)
      if (!found_[i]) open.push_back(destinations_[i]);
    if (!open.empty()) base_ = find_relied_on(client_, bundle_, open, destinations_, jobs_, reporter_);
  }

  struct BlobTask {
    oci::Digest digest;
    std::uint64_t size;
    std::set<registry::Repository> repositories;   // that need it
    std::optional<registry::Repository> known_in;  // that has it for sure
  };

  std::vector<BlobTask> blob_tasks() const {
    std::map<oci::Digest, BlobTask> tasks;
    for (std::size_t i = 0; i < destinations_.size(); ++i) {
      const auto closure = bundle_.closure_of(*destinations_[i].image);
      for (const auto& [digest, member] : closure.members()) {
        if (member.kind == bundle::BlobKind::manifest) continue;
        BlobTask& task = tasks.try_emplace(digest, BlobTask{digest, member.size, {}, {}}).first->second;
        if (const auto base = base_.find(digest); base != base_.end() && !task.known_in) task.known_in = base->second;
        if (found_[i])
          task.known_in = destinations_[i].repository;
        else
          task.repositories.insert(destinations_[i].repository);
      }
    }
    std::vector<BlobTask> open;
    for (auto& [digest, task] : tasks)
      if (!task.repositories.empty()) open.push_back(std::move(task));
    std::stable_sort(open.begin(), open.end(), [](const auto& a, const auto& b) { return a.size > b.size; });
    return open;
  }

  void send_blobs() {
    const auto tasks = blob_tasks();
    if (tasks.empty()) return;
    std::uint64_t bytes = 0;
    for (const BlobTask& task : tasks) bytes += task.size;
    reporter_.begin("pushing", bytes, tasks.size());
    run_parallel(tasks.size(), jobs_, [&](std::size_t i) {
      const BlobTask& task = tasks[i];
      const auto moving = reporter_.start_moving(task.repositories.begin()->name.str() + " " + task.digest.short_hex() +
                                                 ", " + human_size(task.size));
      within([&] { return task.repositories.begin()->str(); }, [&] { send_blob(task); });
      reporter_.item_done();
    });
    reporter_.end();
  }

  /// Once over the wire, whatever the number of repositories that need it.
  void send_blob(const BlobTask& task) {
    using Result = registry::Client::PushResult;
    auto source = task.known_in;
    std::vector<registry::Repository> lacking;
    for (const auto& repository : task.repositories) {
      // Once one has it, the others are not asked: mounting costs one request whether they have it or not.
      if (repository == task.known_in || (!source && client_.has_blob(repository, task.digest))) {
        source = repository;
        ++present_;
      } else {
        lacking.push_back(repository);
      }
    }
    std::uint64_t shown = 0;
    for (const auto& repository : lacking) {
      const auto result = client_.push_blob(
          repository, task.digest, task.size, source ? std::optional(source->name) : std::nullopt, [&] {
            if (bundle_.relies_on(task.digest)) refuse_unmounted(task.digest, repository);
            return std::make_unique<PlaceSource>(bundle_.open_blob(task.digest), reporter_, shown);
          });
      if (result == Result::mounted) ++mounted_;
      if (result == Result::present) ++present_;
      source = repository;
      if (result != Result::sent) continue;
      const std::lock_guard lock(mutex_);
      ++summary_.blobs_sent;
      summary_.bytes_sent += task.size;
    }
    reporter_.advance(task.size - shown);
  }

  [[noreturn]] void refuse_unmounted(const oci::Digest& digest, const registry::Repository& repository) const {
    throw Error(ErrorCode::registry, Side::target,
                "the registry does not mount blob " + digest.str() + " into " + repository.str() +
                    ", and this delta does not carry it")
        .hint("ask for a bundle without --since; or let this user read all repositories, which mounting needs");
  }

  /// Everything below the tags: platform manifests, then indexes inside indexes.
  void send_members() {
    struct Item {
      registry::Repository repository;
      oci::Digest digest;
      std::string media_type;
      auto operator<=>(const Item&) const = default;
    };
    std::set<Item> manifests;
    std::set<Item> indexes;
    for (std::size_t i = 0; i < destinations_.size(); ++i) {
      if (found_[i]) continue;
      const bundle::Image& image = *destinations_[i].image;
      const auto closure = bundle_.closure_of(image);
      for (const auto& [digest, member] : closure.members()) {
        if (member.kind != bundle::BlobKind::manifest || digest == image.descriptor.digest) continue;
        auto& items = oci::media_type::is_index(member.media_type) ? indexes : manifests;
        items.insert({destinations_[i].repository, digest, member.media_type});
      }
    }
    const std::vector<Item> list(manifests.begin(), manifests.end());
    run_parallel(list.size(), jobs_, [&](std::size_t i) {
      const auto text = bundle_.document(list[i].digest);
      if (send_manifest(list[i].repository, list[i].digest, list[i].media_type, text) !=
          registry::Client::PutResult::stored)
        return;
      const std::lock_guard lock(mutex_);
      without_list_.emplace(list[i].repository, list[i].digest);
    });
    // An inner index may name another one: each round stores at least one, or none can be stored.
    for (std::size_t before = indexes.size() + 1; !indexes.empty() && indexes.size() < before;) {
      before = indexes.size();
      std::erase_if(indexes, [&](const Item& item) {
        return send_manifest(item.repository, item.digest, item.media_type, bundle_.document(item.digest)) !=
               registry::Client::PutResult::members_missing;
      });
    }
    if (!indexes.empty())
      throw Error(ErrorCode::registry, Side::target,
                  indexes.begin()->repository.str() + " refuses the inner index " + indexes.begin()->digest.str())
          .hint("export this image with --platform all, so that its indexes are whole");
  }

  /// Signatures, attestations and SBOMs are there by digest now; this is how they are found.
  void send_referrers() {
    for (std::size_t i = 0; i < destinations_.size(); ++i) {
      if (found_[i]) continue;
      const registry::Repository& repository = destinations_[i].repository;
      for (const auto& [descriptor, tag] : destinations_[i].image->referrers) {
        const auto text = bundle_.document(descriptor.digest);
        if (tag) send_manifest(repository, *tag, descriptor.media_type, text);
        if (without_list_.contains({repository, descriptor.digest}))
          list_referrer(client_, repository, descriptor.digest, descriptor.media_type, text);
      }
    }
  }

  registry::Client::PutResult send_manifest(const registry::Repository& repository, const oci::ManifestId& id,
                                            const std::string& media_type, std::string_view bytes) {
    const auto result = client_.push_manifest(repository, id, media_type, bytes);
    if (result != registry::Client::PutResult::members_missing) ++manifests_;
    return result;
  }

  void send_top(std::size_t i) {
    const Destination& destination = destinations_[i];
    const auto& descriptor = destination.image->descriptor;
    if (send_manifest(destination.repository, destination.tag, descriptor.media_type,
                      bundle_.document(descriptor.digest)) != registry::Client::PutResult::members_missing)
      return;
    const auto derived = derived_index(bundle_, *destination.image);
    if (derived && send_manifest(destination.repository, destination.tag, descriptor.media_type, *derived) !=
                       registry::Client::PutResult::members_missing)
      return;
    throw Error(ErrorCode::registry, Side::target, "the registry refuses the index although it has all its members")
        .hint("see the registry's log; exporting with --platform all keeps its indexes whole");
  }

  void read_back(std::size_t i) {
    found_[i] = look_up(client_, bundle_, destinations_[i]).published;
    if (!found_[i])
      throw Error(ErrorCode::registry, Side::target, "after the push, the registry does not serve what was stored")
          .hint("another client may have written this tag at the same time; run the import again");
  }

  registry::Client& client_;
  const bundle::VerifiedBundle& bundle_;
  const std::vector<Destination>& destinations_;
  const PushOptions& options_;
  unsigned jobs_;
  Reporter& reporter_;
  std::vector<std::optional<Published>> found_;  // by destination; set once it is known to be there
  std::mutex mutex_;
  // Manifests whose subject the registry did not take note of, if they have one.
  std::set<std::pair<registry::Repository, oci::Digest>> without_list_;
  std::map<oci::Digest, registry::Repository> base_;  // where the registry has what a delta relies on
  PushSummary summary_;
  std::atomic<std::uint64_t> present_{0};
  std::atomic<std::uint64_t> mounted_{0};
  std::atomic<std::uint64_t> manifests_{0};
};

}  // namespace

void refuse_moves(const std::vector<Move>& moves) {
  std::string text = count_of(moves.size(), "name") + " would move, and --keep-existing forbids it:";
  for (const Move& move : moves)
    text += "\n  " + move.name + "\n    from " + move.from.str() + "\n    to   " + move.to.str();
  throw Error(ErrorCode::registry, Side::target, text)
      .hint("nothing was sent; import without --keep-existing where that is wanted, or below another PREFIX");
}

std::optional<std::string> derived_index(const bundle::VerifiedBundle& bundle, const bundle::Image& image) {
  const auto text = bundle.document(image.descriptor.digest);
  const auto document = oci::parse_document(text, image.descriptor.media_type);
  if (document.index() == nullptr) return std::nullopt;
  std::set<oci::Digest> present;
  for (const auto& member : oci::select_members(*document.index(), bundle.platforms())) present.insert(member.digest);
  std::set<oci::Digest> named;
  for (const auto& member : document.index()->manifests) named.insert(member.digest);
  if (present == named) return std::nullopt;
  return oci::derive_index(text, present);
}

namespace {

/// Whether the tag stands for the image, or for the index derived from it.
std::optional<Published> compare_top(const registry::FetchedManifest& top, const bundle::VerifiedBundle& bundle,
                                     const Destination& destination) {
  const auto& descriptor = destination.image->descriptor;
  if (top.media_type != descriptor.media_type) return std::nullopt;
  if (top.digest == descriptor.digest) return Published{destination, top.digest, false, false};
  const auto derived = derived_index(bundle, *destination.image);
  if (!derived || oci::sha256(*derived) != top.digest) return std::nullopt;
  return Published{destination, top.digest, true, false};
}

bool has_members(registry::Client& client, const bundle::VerifiedBundle& bundle, const Destination& destination) {
  const auto closure = bundle.closure_of(*destination.image);
  for (const auto& [digest, member] : closure.members()) {
    if (member.kind != bundle::BlobKind::manifest || digest == destination.image->descriptor.digest) continue;
    if (!client.fetch_manifest(destination.repository, digest)) return false;
  }
  return true;
}

}  // namespace

LookUp look_up(registry::Client& client, const bundle::VerifiedBundle& bundle, const Destination& destination) {
  LookUp result;
  const auto& descriptor = destination.image->descriptor;
  const auto top = client.fetch_manifest(destination.repository, destination.tag);
  if (top) result.published = compare_top(*top, bundle, destination);
  if (top && !result.published) result.moves.push_back({destination.str(), top->digest, descriptor.digest});
  if (result.published && !has_members(client, bundle, destination)) result.published.reset();
  for (const auto& [referrer, tag] : destination.image->referrers) {
    if (!tag) continue;
    const auto tagged = client.fetch_manifest(destination.repository, *tag);
    if (tagged && tagged->digest == referrer.digest) continue;
    result.published.reset();
    if (tagged)
      result.moves.push_back({destination.repository.str() + ":" + tag->str(), tagged->digest, referrer.digest});
  }
  return result;
}

std::vector<Move> find_moves(registry::Client& client, const bundle::VerifiedBundle& bundle,
                             const std::vector<Destination>& destinations, unsigned jobs, Reporter& reporter) {
  std::vector<Move> moves;
  std::mutex mutex;
  reporter.begin("asking", 0, destinations.size());
  run_parallel(destinations.size(), jobs, [&](std::size_t i) {
    const auto there =
        within([&] { return destinations[i].str(); }, [&] { return look_up(client, bundle, destinations[i]); });
    reporter.item_done();
    const std::lock_guard lock(mutex);
    moves.insert(moves.end(), there.moves.begin(), there.moves.end());
  });
  reporter.end();
  sort_moves(moves);
  return moves;
}

PushSummary push(registry::Client& client, const bundle::VerifiedBundle& bundle,
                 const std::vector<Destination>& destinations, const PushOptions& options, Reporter& reporter) {
  return Pusher(client, bundle, destinations, options, reporter).run();
}

}  // namespace airlock::transfer
