// SPDX-License-Identifier: Apache-2.0
#include "transfer/referrer_finder.hpp"

#include <fmt/format.h>

#include <map>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"

namespace airlock::transfer {

namespace {

constexpr auto as_referrer = oci::GraphBuilder::Role::referrer;
constexpr unsigned questions_at_a_time = 4;  // of one image; other images are asked for at the same time

[[noreturn]] void refuse_flood(const std::string& what) {
  throw Error(ErrorCode::format, Side::source, "its referrers are " + what)
      .hint(
          "a registry that lists so many is broken or lying; ask another --mirror, or leave signatures and "
          "attestations out with --no-referrers");
}

bool is_document(const std::string& media_type) {
  return oci::media_type::is_manifest(media_type) || oci::media_type::is_index(media_type);
}

}  // namespace

/// What was found of one image so far.
class ReferrerFinder::Search {
 public:
  explicit Search(const oci::Nodes& own) {
    for (const oci::Node* document : own) own_.insert(document->digest);
  }

  bool take(const Candidate& candidate) {
    const oci::Node& node = *candidate.node;
    if (own_.contains(node.digest)) return false;  // GitLab resolves the fallback tag to the image itself
    const auto [known, is_new] = found_.try_emplace(
        node.digest,
        records::Referrer{{std::string(node.media_type), node.digest, node.size, std::nullopt, {}}, candidate.tag});
    if (!is_new && candidate.tag) known->second.tag = candidate.tag;
    if (found_.size() > max_referrers) refuse_flood(fmt::format("more than {}", max_referrers));
    if (is_new && (bytes_ += node.size) > max_bytes)
      refuse_flood(fmt::format("larger than {} together", human_size(max_bytes)));
    return is_new;
  }

  std::vector<records::Referrer> result() {
    std::vector<records::Referrer> referrers;
    for (auto& [digest, referrer] : found_) referrers.push_back(std::move(referrer));
    return referrers;
  }

 private:
  std::set<oci::Digest> own_;
  std::map<oci::Digest, records::Referrer> found_;
  std::uint64_t bytes_ = 0;
};

void ReferrerFinder::leave_behind(const registry::Repository& repository, const std::string& what,
                                  const oci::Digest& subject, const std::string& why) {
  reporter_.warning(fmt::format("{} lists {} as a referrer of {}: it is left out, as {}", repository.str(), what,
                                subject.str(), why));
}

oci::ReferrerList ReferrerFinder::listed(const registry::Repository& repository, const oci::Digest& subject) {
  bool has_list = true;
  {
    const std::lock_guard lock(mutex_);
    has_list = !without_list_.contains(repository.registry);
  }
  if (has_list) {
    if (auto found = client_.referrers(repository, subject)) return std::move(*found);
    const std::lock_guard lock(mutex_);
    without_list_.insert(repository.registry);
  }
  oci::ReferrerList list;
  const auto tagged = client_.fetch_manifest(repository, oci::referrers_tag(subject));
  if (tagged && tagged->digest != subject && oci::media_type::is_index(tagged->media_type)) list.add(tagged->bytes);
  return list;
}

/// `add` with a way to fetch. Null, with a warning, for what cannot travel.
const oci::Node* ReferrerFinder::add_or_leave(
    const registry::Repository& repository, const std::string& what, const oci::Digest& subject,
    const std::function<const oci::Node*(const oci::GraphBuilder::Fetch&)>& add) {
  bool missing = false;
  const auto fetch = [&](const oci::Digest& wanted) {
    auto document = client_.fetch_manifest(repository, wanted);
    missing = missing || !document;
    return document;
  };
  try {
    const oci::Node* node = add(fetch);
    if (node == nullptr) leave_behind(repository, what, subject, "it is gone");
    return node;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::format && !missing) throw;
    leave_behind(repository, what, subject, fmt::format("it cannot be had whole: {}", error.what()));
    return nullptr;
  }
}

std::vector<ReferrerFinder::Candidate> ReferrerFinder::ask_list(const registry::Repository& repository,
                                                                const oci::Digest& subject) {
  const oci::ReferrerList list = listed(repository, subject);
  if (list.entries.size() + list.unreadable.size() > max_referrers)
    refuse_flood(fmt::format("more than {}", max_referrers));
  for (const std::string& why : list.unreadable) leave_behind(repository, "something", subject, why);
  std::vector<Candidate> candidates;
  std::uint64_t bytes = 0;  // of this list alone: before all of it is held
  for (const oci::Descriptor& entry : list.entries) {
    if (entry.digest == subject) continue;
    const std::string name = entry.digest.str();
    if (!is_document(entry.media_type)) {
      leave_behind(
          repository, name, subject,
          fmt::format("it is of the type {}, which registries do not take any more", printable(entry.media_type, 80)));
      continue;
    }
    const oci::Node* node = add_or_leave(repository, name, subject, [&](const oci::GraphBuilder::Fetch& fetch) {
      return builder_.add(entry.digest, as_referrer, fetch);
    });
    if (node == nullptr) continue;
    if ((bytes += node->size) > max_bytes) refuse_flood(fmt::format("larger than {} together", human_size(max_bytes)));
    if (const auto& about = node->content->subject; about && *about != subject)
      leave_behind(repository, name, subject, fmt::format("it is about {}", about->str()));
    else
      candidates.push_back({node, std::nullopt});
  }
  return candidates;
}

std::vector<ReferrerFinder::Candidate> ReferrerFinder::ask_tag(const registry::Repository& repository,
                                                               const oci::Digest& subject, const char* suffix) {
  const oci::Tag tag = oci::cosign_tag(subject, suffix);
  auto tagged = client_.fetch_manifest(repository, tag);
  if (!tagged || tagged->digest == subject) return {};
  const std::string name = fmt::format("{} ({})", tag.str(), tagged->digest.str());
  const oci::Node* node = add_or_leave(repository, name, subject, [&](const oci::GraphBuilder::Fetch& fetch) {
    return &builder_.add(std::move(*tagged), as_referrer, fetch);
  });
  if (node == nullptr) return {};
  return {{node, tag}};
}

std::vector<ReferrerFinder::Candidate> ReferrerFinder::ask(const registry::Repository& repository,
                                                           const Question& question) {
  const oci::Digest& subject = question.subject->digest;
  try {
    return question.suffix == nullptr ? ask_list(repository, subject) : ask_tag(repository, subject, question.suffix);
  } catch (const Error& error) {
    if (unknown_ == UnknownReferrers::refuse || error.code() != ErrorCode::registry) throw;
    reporter_.warning(fmt::format("{}: what refers to {} cannot be asked for, and may stay behind: {}",
                                  repository.str(), subject.str(), error.what()));
    return {};
  }
}

std::vector<records::Referrer> ReferrerFinder::find(const registry::Repository& repository, const oci::Node& image) {
  const oci::Nodes own = builder_.documents_of(image);
  Search search(own);
  std::vector<Question> questions;
  const auto ask_about = [&](const oci::Node& subject, bool cosign_tags) {
    questions.push_back({&subject, nullptr});
    if (!cosign_tags) return;
    for (const char* suffix : oci::cosign_suffixes) questions.push_back({&subject, suffix});
  };
  for (const oci::Node* document : own) ask_about(*document, true);
  while (!questions.empty()) {
    std::vector<std::vector<Candidate>> answers(questions.size());
    run_parallel(questions.size(), questions_at_a_time,
                 [&](std::size_t i) { answers[i] = ask(repository, questions[i]); });
    questions.clear();
    // What cosign keeps under a tag it does not sign again.
    for (const auto& candidates : answers)
      for (const Candidate& candidate : candidates)
        if (search.take(candidate)) ask_about(*candidate.node, !candidate.tag);
  }
  return search.result();
}

}  // namespace airlock::transfer
