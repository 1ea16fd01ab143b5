// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/resolve.hpp"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <set>

#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/closure.hpp"

namespace airlock::transfer {

namespace {

/// Manifests that were fetched, by digest; the same one is fetched once for all images that share it.
class Documents {
 public:
  bool has(const oci::Digest& digest) const {
    const std::lock_guard lock(mutex_);
    return texts_.contains(digest);
  }
  void add(const oci::Digest& digest, std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.emplace(digest, std::move(text));
  }
  const std::string& at(const oci::Digest& digest) const {
    const std::lock_guard lock(mutex_);
    return texts_.at(digest);  // entries are never changed or removed, so the reference stays good
  }
  std::map<oci::Digest, std::string> take() { return std::move(texts_); }

 private:
  mutable std::mutex mutex_;
  std::map<oci::Digest, std::string> texts_;
};

class Resolver {
 public:
  Resolver(registry::Client& client, const oci::PlatformSelection& platforms, Reporter& reporter)
      : client_(client), platforms_(platforms), reporter_(reporter) {}

  bundle::Image resolve(const oci::Reference& source, const catalog::Reason& reason) {
    const registry::Repository repository{source.registry, source.repository};
    auto fetched = client_.fetch_manifest(repository, source.identifier());
    if (!fetched) throw Error(ErrorCode::registry, Side::source, "there is no such image");
    const oci::Descriptor descriptor{fetched->media_type, fetched->digest, fetched->bytes.size(), std::nullopt, {}};
    documents_.add(descriptor.digest, std::move(fetched->bytes));
    fetch_members(repository, source, descriptor, 0);
    return {source,
            descriptor,
            {reason.components.begin(), reason.components.end()},
            {reason.groups.begin(), reason.groups.end()},
            {}};
  }

  Documents& documents() { return documents_; }

 private:
  void fetch_members(const registry::Repository& repository, const oci::Reference& source,
                     const oci::Descriptor& descriptor, unsigned depth) {
    const auto document = oci::parse_document(documents_.at(descriptor.digest), descriptor.media_type);
    const auto* index = document.index();
    if (index == nullptr || depth > 4) return;  // the closure refuses deeper ones with its own words
    const auto members = oci::select_members(*index, platforms_);
    check_platforms(source, *index, members);
    for (const oci::Descriptor& member : members) {
      if (!documents_.has(member.digest)) {
        auto fetched = client_.fetch_manifest(repository, member.digest.str());
        if (!fetched)
          throw Error(ErrorCode::registry, Side::source,
                      "its index names " + member.digest.str() + ", which is missing");
        if (fetched->bytes.size() != member.size || fetched->media_type != member.media_type)
          throw Error(ErrorCode::format, Side::source,
                      member.digest.str() + ": the index says " + member.media_type + " of " +
                          std::to_string(member.size) + " bytes, the registry serves " + fetched->media_type + " of " +
                          std::to_string(fetched->bytes.size()))
              .hint("the registry or something before it is broken or lying; ask another --mirror");
        documents_.add(member.digest, std::move(fetched->bytes));
      }
      fetch_members(repository, source, member, depth + 1);
    }
  }

  void check_platforms(const oci::Reference& source, const oci::Index& index,
                       const std::vector<oci::Descriptor>& members) {
    if (platforms_.all()) return;
    std::set<std::string> served;
    for (const auto& member : index.manifests)
      if (member.platform && member.platform->os != "unknown") served.insert(member.platform->str());
    const std::string list = join({served.begin(), served.end()}, ", ");
    if (members.empty())
      throw Error(ErrorCode::selection, "it is not served for " + join(platforms_.words(), ", ") + ", only for " + list)
          .hint("choose a platform that it is served for, or leave the image out with --exclude");
    std::vector<std::string> lacking;
    for (const std::string& word : platforms_.words()) {
      const oci::PlatformSelection one = oci::PlatformSelection::parse({word});
      if (oci::select_members(index, one).empty()) lacking.push_back(word);
    }
    if (!lacking.empty())
      reporter_.warning(source.str() + " is not served for " + join(lacking, ", ") + "; it has " + list);
  }

  registry::Client& client_;
  const oci::PlatformSelection& platforms_;
  Reporter& reporter_;
  Documents documents_;
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

Resolution resolve(registry::Client& client, const catalog::ImageSet& set, const oci::PlatformSelection& platforms,
                   unsigned jobs, Reporter& reporter) {
  std::vector<oci::Reference> sources;
  for (const auto& [source, reason] : set.images) sources.push_back(source);
  std::vector<std::optional<bundle::Image>> images(sources.size());
  Resolver resolver(client, platforms, reporter);
  reporter.begin("resolving", 0, sources.size());
  const auto failures = run_parallel(
      sources.size(), jobs,
      [&](std::size_t i) {
        images[i] = resolver.resolve(sources[i], set.images.at(sources[i]));
        reporter.item_done(sources[i].str());
      },
      OnFailure::continue_);
  reporter.end();
  if (std::any_of(failures.begin(), failures.end(), [](const auto& failure) { return failure != nullptr; }))
    refuse_all(sources, failures);

  Resolution resolution;
  resolution.documents = resolver.documents().take();
  for (auto& image : images) resolution.images.push_back(std::move(*image));
  collect_blobs(resolution, platforms);
  return resolution;
}

}  // namespace airlock::transfer
