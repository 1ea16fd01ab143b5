// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/copy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/transfer/base_blobs.hpp"
#include "transfer/plan.hpp"

namespace airlock::transfer {

namespace {

void sort_moves(std::vector<Move>& moves) {
  const auto by_name = [](const Move& a, const Move& b) { return std::tie(a.name, a.to) < std::tie(b.name, b.to); };
  std::sort(moves.begin(), moves.end(), by_name);
  // Several destinations of one repository share a referrer's tag.
  moves.erase(std::unique(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.name == b.name; }),
              moves.end());
}

std::string listed(const std::vector<Move>& moves) {
  std::string text;
  for (const Move& move : moves)
    text += fmt::format("\n  {}\n    from {}\n    to   {}", move.name, move.from.str(), move.to.str());
  return text;
}

/// One phase of a copy, shown as such: `work(i)` for i in [0, count). Nothing without a label.
template <typename Work>
void run_phase(const char* label, std::size_t count, unsigned jobs, Reporter& reporter, Work&& work) {
  if (label == nullptr || count == 0) return;
  reporter.begin(label, 0, count);
  run_parallel(count, jobs, [&](std::size_t i) {
    work(i);
    reporter.item_done();
  });
  reporter.end();
}

/// What the targets answer, one for each destination.
std::vector<Presence> look_at(const std::vector<Destination>& destinations, Target& target, unsigned jobs,
                              Reporter& reporter) {
  std::vector<Presence> found(destinations.size());
  run_phase(target.phases().looking, destinations.size(), jobs, reporter, [&](std::size_t i) {
    within([&] { return destinations[i].str(); }, [&] { found[i] = target.look(destinations[i]); });
  });
  return found;
}

class Copier {
 public:
  Copier(const oci::Graph& graph, const std::vector<Destination>& destinations, Source& source, Target& target,
         const CopyOptions& options, Reporter& reporter)
      : graph_(graph),
        destinations_(destinations),
        source_(source),
        target_(target),
        phases_(target.phases()),
        options_(options),
        reporter_(reporter),
        published_(destinations.size()) {}

  CopySummary run() {
    look();
    announce_moves();
    find_base();
    if (options_.before_blobs && !open_.empty()) options_.before_blobs();
    put_blobs();
    put_documents();
    if (options_.before_names) options_.before_names();
    put_referrers();
    for_each_open(phases_.names, [this](std::size_t i) { target_.put_name(destinations_[i]); });
    for_each_open(phases_.reading_back, [this](std::size_t i) { read_back(i); });
    for (auto& published : published_)
      if (published) summary_.published.push_back(std::move(*published));
    return std::move(summary_);
  }

 private:
  void look() {
    std::vector<Presence> found = look_at(destinations_, target_, options_.jobs, reporter_);
    for (std::size_t i = 0; i < found.size(); ++i) {
      published_[i] = std::move(found[i].published);
      if (published_[i]) published_[i]->present_before = true;
      summary_.moves.insert(summary_.moves.end(), found[i].moves.begin(), found[i].moves.end());
      if (!published_[i]) open_.push_back(&destinations_[i]);
    }
    sort_moves(summary_.moves);
  }

  /// Before anything is sent.
  void announce_moves() {
    if (summary_.moves.empty()) return;
    if (options_.existing == Existing::keep) refuse_moves(summary_.moves);
    reporter_.note(fmt::format("{} will move:{}", count_of(summary_.moves.size(), "name"), listed(summary_.moves)));
  }

  /// Of a delta: before anything is sent.
  void find_base() {
    if (phases_.needs_bytes)
      base_ = find_base_blobs(graph_, open_, destinations_, source_, target_, options_.jobs, options_.base_advice,
                              reporter_);
  }

  std::vector<BlobTask> blob_tasks() {
    std::vector<BlobTask> tasks = plan_blobs(graph_, open_, phases_.configs_first);
    std::unordered_map<const oci::Node*, registry::Repository> present;
    for (std::size_t i = 0; i < destinations_.size(); ++i)
      if (published_[i])
        for (const oci::Node* node : graph_.closure(records::roots_of(*destinations_[i].image)))
          present.try_emplace(node, destinations_[i].repository);
    std::erase_if(tasks, [&](const BlobTask& task) { return !target_.wants(*task.blob); });
    for (BlobTask& task : tasks) {
      if (const auto base = base_.find(task.blob->digest); base != base_.end()) task.known_in = base->second;
      if (const auto known = present.find(task.blob); known != present.end()) task.known_in = known->second;
    }
    share(tasks);
    return tasks;
  }

  /// First what others wait for, last what this process waits for; otherwise in the plan's order.
  void share(std::vector<BlobTask>& tasks) {
    if (options_.shared.empty()) return;
    const auto turn = [&](const BlobTask& task) {
      const auto shared = options_.shared.find(task.blob);
      return shared == options_.shared.end() ? 1 : shared->second.sends ? 0 : 2;
    };
    for (BlobTask& task : tasks)
      if (turn(task) != 1) task.may_be_in = options_.shared.at(task.blob).elsewhere;
    std::stable_sort(tasks.begin(), tasks.end(),
                     [&](const BlobTask& a, const BlobTask& b) { return turn(a) < turn(b); });
  }

  /// One blob, or one part of it.
  struct Piece {
    const BlobTask* task;
    std::size_t part;
  };

  void put_blobs() {
    const std::vector<BlobTask> tasks = blob_tasks();
    if (tasks.empty() || phases_.blobs == nullptr) return;
    const BlobTask* trial = target_.trial(tasks);
    std::vector<Piece> pieces;
    std::uint64_t bytes = 0;
    for (const BlobTask& task : tasks) {
      bytes += task.blob->size;
      const std::size_t parts = &task == trial ? 0 : target_.parts(*task.blob);
      for (std::size_t part = 0; part < parts; ++part) pieces.push_back({&task, part});
    }
    reporter_.begin(phases_.blobs, phases_.needs_bytes ? bytes : 0, tasks.size());
    std::vector<Piece> again;
    if (trial != nullptr) put_piece({trial, 0}, Attempt::resume, again);
    run_parallel(pieces.size(), options_.jobs, [&](std::size_t i) { put_piece(pieces[i], Attempt::resume, again); });
    std::vector<Piece> never;
    run_parallel(again.size(), options_.jobs, [&](std::size_t i) { put_piece(again[i], Attempt::afresh, never); });
    reporter_.end();
  }

  void put_piece(const Piece& piece, Attempt attempt, std::vector<Piece>& again) {
    const BlobTask& task = *piece.task;
    const Stored stored = target_.put_blob(task, piece.part, attempt, source_);
    if (stored.complete) reporter_.item_done();
    const std::lock_guard lock(mutex_);
    if (stored.again) again.push_back({&task, 0});
    summary_.blobs_sent += stored.sent;
    summary_.bytes_sent += stored.sent * task.blob->size;
    summary_.blobs_mounted += stored.mounted;
    summary_.blobs_present += stored.present;
  }

  void put_documents() {
    if (phases_.documents == nullptr) return;
    for (const std::vector<DocumentTask>& tasks : plan_documents(graph_, open_))
      run_phase(phases_.documents, tasks.size(), options_.jobs, reporter_, [&](std::size_t i) {
        within([&] { return tasks[i].destination->str(); },
               [&] { target_.put_document(*tasks[i].destination, *tasks[i].document); });
      });
  }

  /// Repository by repository: their lists are read, changed and written.
  void put_referrers() {
    std::map<registry::Repository, std::vector<const Destination*>> by_repository;
    for (const Destination* destination : open_)
      if (!destination->image->referrers.empty()) by_repository[destination->repository].push_back(destination);
    const std::vector<std::pair<registry::Repository, std::vector<const Destination*>>> list(by_repository.begin(),
                                                                                             by_repository.end());
    run_phase(phases_.referrers, list.size(), options_.jobs, reporter_, [&](std::size_t i) {
      for (const Destination* destination : list[i].second)
        for (const records::Referrer& referrer : destination->image->referrers)
          within([&] { return destination->str(); }, [&] { target_.put_referrer(*destination, referrer); });
    });
  }

  template <typename Step>
  void for_each_open(const char* label, Step&& step) {
    run_phase(label, open_.size(), options_.jobs, reporter_, [&](std::size_t n) {
      within([&] { return open_[n]->str(); }, [&] { step(static_cast<std::size_t>(open_[n] - destinations_.data())); });
    });
  }

  void read_back(std::size_t i) {
    published_[i] = target_.read_back(destinations_[i]);
    if (!published_[i])
      throw Error(ErrorCode::registry, Side::target, "after the push, the registry does not serve what was stored")
          .hint("another client may have written this tag at the same time; run the import again");
  }

  const oci::Graph& graph_;
  const std::vector<Destination>& destinations_;
  Source& source_;
  Target& target_;
  const Phases phases_;
  const CopyOptions& options_;
  Reporter& reporter_;
  std::vector<std::optional<Published>> published_;   // by destination; set once it is known to be there
  std::vector<const Destination*> open_;              // those that were not there
  std::map<oci::Digest, registry::Repository> base_;  // where the target has what a delta depends on
  std::mutex mutex_;                                  // guards the summary while blobs are put
  CopySummary summary_;
};

}  // namespace

void refuse_moves(const std::vector<Move>& moves) {
  throw Error(
      ErrorCode::registry, Side::target,
      fmt::format("{} would move, and --keep-existing forbids it:{}", count_of(moves.size(), "name"), listed(moves)))
      .hint("nothing was sent; import without --keep-existing where that is wanted, or below another PREFIX");
}

std::vector<Move> find_moves(const std::vector<Destination>& destinations, Target& target, unsigned jobs,
                             Reporter& reporter) {
  std::vector<Move> moves;
  for (const Presence& found : look_at(destinations, target, jobs, reporter))
    moves.insert(moves.end(), found.moves.begin(), found.moves.end());
  sort_moves(moves);
  return moves;
}

CopySummary copy(const oci::Graph& graph, const std::vector<Destination>& destinations, Source& source, Target& target,
                 const CopyOptions& options, Reporter& reporter) {
  return Copier(graph, destinations, source, target, options, reporter).run();
}

}  // namespace airlock::transfer
