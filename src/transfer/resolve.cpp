// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/resolve.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "airlock/base/interrupt.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/closure.hpp"
#include "transfer/documents.hpp"
#include "transfer/referrers.hpp"

namespace airlock::transfer {

namespace {

constexpr const char* hub = "docker.io";

class Resolver {
 public:
  Resolver(registry::Client& client, const ResolveOptions& options, Reporter& reporter)
      : client_(client), options_(options), reporter_(reporter), referrers_(client, documents_, reporter) {}

  /// Docker Hub counts what is fetched, not what is asked for: images that are the same are found out by asking, and
  /// whether what is left suffices is known before any of it is used up.
  void ask_hub(const std::vector<oci::Reference>& sources) {
    std::vector<oci::Reference> images;
    for (const auto& source : sources)
      if (source.registry == hub && !source.digest && options_.pins.empty()) images.push_back(source);
    if (images.empty()) return;
    std::vector<std::optional<oci::Digest>> digests(images.size());
    reporter_.begin("asking Docker Hub", 0, images.size());
    // What is wrong with single images is said of all of them together, by resolve().
    run_parallel(
        images.size(), options_.jobs,
        [&](std::size_t i) {
          digests[i] = client_.ask_digest({images[i].registry, images[i].repository}, images[i].id());
          reporter_.item_done();
        },
        OnFailure::continue_);
    reporter_.end();
    std::set<oci::Digest> different;
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (!digests[i]) continue;
      different.insert(*digests[i]);
      asked_.emplace(images[i], *digests[i]);
    }
    if (const auto limit = client_.rate_limit(oci::Registry::parse(hub))) compare(*limit, different.size());
  }

  bundle::Image resolve(const oci::Reference& source, const kubeone::Reason& reason) {
    if (const auto pin = options_.pins.find(source); pin != options_.pins.end()) return resolve_pinned(pin->second);
    const registry::Repository repository{source.registry, source.repository};
    const auto asked = asked_.find(source);
    const auto fetch = [&](const oci::ManifestId& id) { return client_.fetch_manifest(repository, id); };
    const registry::FetchedManifest* top = nullptr;
    if (asked != asked_.end())
      top = documents_.get(asked->second, [&] { return fetch(asked->second); });
    else if (source.digest)
      top = documents_.get(*source.digest, [&] { return fetch(*source.digest); });
    else if (auto fetched = fetch(source.id()))
      top = &documents_.add(std::move(*fetched));
    if (top == nullptr) throw Error(ErrorCode::registry, Side::source, "there is no such image");
    const oci::Descriptor descriptor{top->media_type, top->digest, top->bytes.size(), std::nullopt, {}};
    std::set<oci::Digest> seen;
    fetch_members(repository, source, descriptor, seen, 0);
    bundle::Image image{source, descriptor, {}, {}, {}};
    image.components.assign(reason.components.begin(), reason.components.end());
    image.groups.assign(reason.groups.begin(), reason.groups.end());
    if (options_.referrers)
      image.referrers = within([&] { return "its signatures and attestations"; },
                               [&] { return referrers_.find(repository, descriptor.digest); });
    return image;
  }

  Documents& documents() { return documents_; }

 private:
  bundle::Image resolve_pinned(const bundle::Image& image) {
    const registry::Repository repository{image.source.registry, image.source.repository};
    const auto take = [&](const oci::Descriptor& descriptor, const char* what) {
      const auto* manifest =
          documents_.get(descriptor.digest, [&] { return client_.fetch_manifest(repository, descriptor.digest); });
      if (manifest == nullptr)
        throw Error(ErrorCode::registry, Side::source,
                    std::string("the ") + what + " that the lock file wants, " + descriptor.digest.str() +
                        ", is not served any more")
            .hint("ask a --mirror that still has it, or make the lock file anew with airlock resolve");
      if (manifest->media_type != descriptor.media_type || manifest->bytes.size() != descriptor.size)
        throw Error(ErrorCode::format, "the lock file says that " + descriptor.digest.str() + " is " +
                                           descriptor.media_type + " of " + std::to_string(descriptor.size) + " bytes");
    };
    take(image.descriptor, "image");
    std::set<oci::Digest> seen;
    fetch_members(repository, image.source, image.descriptor, seen, 0);
    for (const bundle::Referrer& referrer : image.referrers) take(referrer.descriptor, "referrer");
    return image;
  }

  void compare(const registry::RateLimit& limit, std::uint64_t images) {
    // Each index costs one, and each platform's manifest another (docs.docker.com, "Docker Hub pull usage and limits").
    const std::uint64_t estimate = images * (1 + (options_.platforms.all() ? 4 : options_.platforms.words().size()));
    const std::string left = "Docker Hub grants " + std::to_string(limit.remaining) +
                             (limit.limit > 0 ? " of " + std::to_string(limit.limit) : "") + " more pulls";
    const std::string way_out =
        "use credentials (docker login, or --username), or name a mirror: --mirror docker.io=HOST; else wait";
    if (limit.remaining < images)
      throw Error(ErrorCode::registry, Side::source,
                  left + ", and this export needs at least " + std::to_string(images))
          .hint(way_out);
    if (limit.remaining < estimate)
      reporter_.warning(left + ", and this export needs up to " + std::to_string(estimate) + ": " + way_out);
    else
      reporter_.note(left + "; this export needs up to " + std::to_string(estimate));
  }

  /// `seen` holds the documents of this image that were followed: an index may name one thousands of times.
  void fetch_members(const registry::Repository& repository, const oci::Reference& source,
                     const oci::Descriptor& descriptor, std::set<oci::Digest>& seen, unsigned depth) {
    if (!seen.insert(descriptor.digest).second) return;
    throw_if_interrupted();
    const auto* top = documents_.get(descriptor.digest, [] { return std::nullopt; });
    const auto document = oci::parse_document(top->bytes, descriptor.media_type);
    const auto* index = document.index();
    if (index == nullptr || depth > 4) return;  // the closure refuses deeper ones with its own words
    const auto members = oci::select_members(*index, options_.platforms);
    check_platforms(source, *index, members);
    for (const oci::Descriptor& member : members) {
      fetch_member(repository, member);
      fetch_members(repository, source, member, seen, depth + 1);
    }
  }

  void fetch_member(const registry::Repository& repository, const oci::Descriptor& member) {
    const auto* fetched =
        documents_.get(member.digest, [&] { return client_.fetch_manifest(repository, member.digest); });
    if (fetched == nullptr)
      throw Error(ErrorCode::registry, Side::source, "its index names " + member.digest.str() + ", which is missing");
    if (fetched->bytes.size() != member.size || fetched->media_type != member.media_type)
      throw Error(ErrorCode::format, Side::source,
                  member.digest.str() + ": the index says " + member.media_type + " of " + std::to_string(member.size) +
                      " bytes, the registry serves " + fetched->media_type + " of " +
                      std::to_string(fetched->bytes.size()))
          .hint("the registry or something before it is broken or lying; ask another --mirror");
  }

  void check_platforms(const oci::Reference& source, const oci::Index& index,
                       const std::vector<oci::Descriptor>& members) {
    if (options_.platforms.all()) return;
    std::set<std::string> served;
    for (const auto& member : index.manifests)
      if (member.platform && member.platform->os() != "unknown") served.insert(member.platform->str());
    const std::string list = join({served.begin(), served.end()}, ", ");
    if (members.empty())
      throw Error(ErrorCode::selection,
                  "it is not served for " + join(options_.platforms.words(), ", ") + ", only for " + list)
          .hint("choose a platform that it is served for, or leave the image out with --exclude");
    std::vector<std::string> lacking;
    for (const std::string& word : options_.platforms.words()) {
      const oci::PlatformSelection one = oci::PlatformSelection::parse({word});
      if (oci::select_members(index, one).empty()) lacking.push_back(word);
    }
    if (!lacking.empty())
      reporter_.warning(source.str() + " is not served for " + join(lacking, ", ") + "; it has " + list);
  }

  registry::Client& client_;
  const ResolveOptions& options_;
  Reporter& reporter_;
  Documents documents_;
  ReferrerFinder referrers_;
  std::map<oci::Reference, oci::Digest> asked_;  // what Docker Hub says that its tags are
};

/// One Error for all failures, those with the same reason together: a person mends them in one go.
[[noreturn]] void refuse_all(const std::vector<oci::Reference>& sources,
                             const std::vector<std::exception_ptr>& failures) {
  std::map<std::string, std::vector<std::string>> images_by_reason;
  ErrorCode code = ErrorCode::registry;
  std::string hint;
  std::size_t count = 0;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    if (!failures[i]) continue;
    try {
      std::rethrow_exception(failures[i]);
    } catch (const Error& error) {
      if (count++ == 0) code = error.code();
      images_by_reason[error.what()].push_back(sources[i].str());
      if (hint.empty()) hint = error.hint();
    }
  }
  std::string text = std::to_string(count) + " of " + count_of(sources.size(), "image") + " cannot be had:";
  for (const auto& [reason, images] : images_by_reason) text += "\n  " + reason + "\n    " + join(images, "\n    ");
  throw Error(code, text)
      .hint(hint.empty() ? "check the names with airlock list; leave images out with --exclude" : hint);
}

/// Records what all images reach, where each blob comes from, and what sharing saves.
void collect_blobs(Resolution& resolution, const oci::PlatformSelection& platforms) {
  const auto documents = [&](const oci::Descriptor& descriptor) -> std::string_view {
    return resolution.documents.at(descriptor.digest);
  };
  bundle::Closure all;
  std::uint64_t unshared = 0;
  for (const bundle::Image& image : resolution.images) {
    within([&] { return image.source.str(); },
           [&] {
             bundle::Closure one;
             one.add(image, platforms, documents);
             all.add(image, platforms, documents);
             for (const auto& [digest, member] : one.members()) {
               unshared += member.size;
               resolution.origins.try_emplace(digest,
                                              registry::Repository{image.source.registry, image.source.repository});
             }
           });
  }
  resolution.blobs = all.ordered();
  resolution.shared_bytes = unshared - resolution.bytes();
}

}  // namespace

std::uint64_t Resolution::bytes() const {
  return std::accumulate(blobs.begin(), blobs.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const bundle::Blob& blob) { return sum + blob.size; });
}

Resolution resolve(registry::Client& client, const kubeone::ImageSet& set, const ResolveOptions& options,
                   Reporter& reporter) {
  std::vector<oci::Reference> sources;
  for (const auto& [source, reason] : set.images) sources.push_back(source);
  std::vector<std::optional<bundle::Image>> images(sources.size());
  Resolver resolver(client, options, reporter);
  resolver.ask_hub(sources);
  reporter.begin("resolving", 0, sources.size());
  const auto failures = run_parallel(
      sources.size(), options.jobs,
      [&](std::size_t i) {
        const auto moving = reporter.start_moving(sources[i].str());
        images[i] = resolver.resolve(sources[i], set.images.at(sources[i]));
        reporter.item_done();
      },
      OnFailure::continue_);
  reporter.end();
  if (std::any_of(failures.begin(), failures.end(), [](const auto& failure) { return failure != nullptr; }))
    refuse_all(sources, failures);

  Resolution resolution;
  resolution.documents = resolver.documents().take();
  for (auto& image : images) resolution.images.push_back(std::move(*image));
  collect_blobs(resolution, options.platforms);
  return resolution;
}

}  // namespace airlock::transfer
