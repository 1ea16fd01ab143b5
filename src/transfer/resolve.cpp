// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/graph_builder.hpp"
#include "transfer/referrer_finder.hpp"

namespace airlock::transfer {

namespace {

constexpr const char* hub = "docker.io";

class Resolver {
 public:
  Resolver(registry::Client& client, const ResolveOptions& options, Reporter& reporter)
      : client_(client),
        options_(options),
        reporter_(reporter),
        builder_({options.platforms, Side::source,
                  "the registry or something before it is broken or lying; ask another --mirror"}),
        referrers_(client, builder_, reporter) {}

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

  records::Image resolve(const oci::Reference& source, const kubeone::Reason& reason) {
    if (const auto pin = options_.pins.find(source); pin != options_.pins.end()) return resolve_pinned(pin->second);
    const registry::Repository repository{source.registry, source.repository};
    const oci::Node* top = add(repository, source);
    if (top == nullptr) throw Error(ErrorCode::registry, Side::source, "there is no such image");
    check_platforms(source, *top);
    records::Image image{source, {std::string(top->media_type), top->digest, top->size, std::nullopt, {}}, {}, {}, {}};
    image.components.assign(reason.components.begin(), reason.components.end());
    image.groups.assign(reason.groups.begin(), reason.groups.end());
    if (options_.referrers)
      image.referrers = within([&] { return "its signatures and attestations"; },
                               [&] { return referrers_.find(repository, top->digest); });
    return image;
  }

  oci::Graph take_graph() { return builder_.take(); }

 private:
  using Role = oci::GraphBuilder::Role;

  oci::GraphBuilder::Fetch fetch_from(const registry::Repository& repository) {
    return [this, &repository](const oci::Digest& digest) { return client_.fetch_manifest(repository, digest); };
  }

  /// Null where there is no such image.
  const oci::Node* add(const registry::Repository& repository, const oci::Reference& source) {
    const auto fetch = fetch_from(repository);
    if (const auto asked = asked_.find(source); asked != asked_.end())
      return builder_.add(asked->second, Role::image, fetch);
    if (source.digest) return builder_.add(*source.digest, Role::image, fetch);
    auto fetched = client_.fetch_manifest(repository, source.id());
    return fetched ? &builder_.add(std::move(*fetched), Role::image, fetch) : nullptr;
  }

  records::Image resolve_pinned(const records::Image& image) {
    const registry::Repository repository{image.source.registry, image.source.repository};
    const std::vector<oci::Digest> wanted = records::roots_of(image);
    const auto fetch = [&](const oci::Digest& digest) {
      auto document = client_.fetch_manifest(repository, digest);
      if (!document && std::find(wanted.begin(), wanted.end(), digest) != wanted.end())
        throw Error(ErrorCode::registry, Side::source,
                    fmt::format("the {} that the lock file wants, {}, is not served any more",
                                digest == image.descriptor.digest ? "image" : "referrer", digest.str()))
            .hint("ask a --mirror that still has it, or make the lock file anew with airlock resolve");
      return document;
    };
    const oci::Node& top = builder_.add(image.descriptor, Role::image, fetch);
    for (const records::Referrer& referrer : image.referrers) builder_.add_referrer(top, referrer.descriptor, fetch);
    return image;
  }

  void compare(const registry::RateLimit& limit, std::uint64_t images) {
    // Each index costs one, and each platform's manifest another (docs.docker.com, "Docker Hub pull usage and limits").
    const std::uint64_t estimate = images * (1 + (options_.platforms.all() ? 4 : options_.platforms.words().size()));
    const std::string left = fmt::format("Docker Hub grants {}{} more pulls", limit.remaining,
                                         limit.limit > 0 ? fmt::format(" of {}", limit.limit) : "");
    const std::string way_out =
        "use credentials (docker login, or --username), or name a mirror: --mirror docker.io=HOST; else wait";
    if (limit.remaining < images)
      throw Error(ErrorCode::registry, Side::source, fmt::format("{}, and this export needs at least {}", left, images))
          .hint(way_out);
    if (limit.remaining < estimate)
      reporter_.warning(fmt::format("{}, and this export needs up to {}: {}", left, estimate, way_out));
    else
      reporter_.note(fmt::format("{}; this export needs up to {}", left, estimate));
  }

  void check_platforms(const oci::Reference& source, const oci::Node& top) {
    if (options_.platforms.all()) return;
    std::vector<const oci::Node*> open{&top};
    std::set<const oci::Node*> seen;
    while (!open.empty()) {
      const oci::Node* node = open.back();
      open.pop_back();
      if (!seen.insert(node).second || !node->content->index) continue;
      check_index(source, *node->content);
      for (const oci::MemberEdge& member : node->content->members) open.push_back(member.to);
    }
  }

  void check_index(const oci::Reference& source, const oci::Content& index) {
    std::vector<std::string> offered;
    for (const oci::Platform& platform : index.offered) offered.push_back(platform.str());
    const std::string list = join(offered, ", ");
    if (index.members.empty())
      throw Error(ErrorCode::selection,
                  fmt::format("it is not served for {}, only for {}", join(options_.platforms.words(), ", "), list))
          .hint("choose a platform that it is served for, or leave the image out with --exclude");
    std::vector<std::string> lacking;
    for (const std::string& word : options_.platforms.words()) {
      const oci::PlatformSelection one = oci::PlatformSelection::parse({word});
      const auto wanted = [&](const oci::Platform& platform) { return one.wants(platform); };
      if (!index.offers_unnamed && std::none_of(index.offered.begin(), index.offered.end(), wanted))
        lacking.push_back(word);
    }
    if (!lacking.empty())
      reporter_.warning(fmt::format("{} is not served for {}; it has {}", source.str(), join(lacking, ", "), list));
  }

  registry::Client& client_;
  const ResolveOptions& options_;
  Reporter& reporter_;
  oci::GraphBuilder builder_;
  ReferrerFinder referrers_;
  std::map<oci::Reference, oci::Digest> asked_;  // what Docker Hub says that its tags are
};

/// One Error for all failures, those with the same reason together: a person fixes them in one go.
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
  std::string text = fmt::format("{} of {} cannot be had:", count, count_of(sources.size(), "image"));
  for (const auto& [reason, images] : images_by_reason)
    text += fmt::format("\n  {}\n    {}", reason, join(images, "\n    "));
  throw Error(code, text)
      .hint(hint.empty() ? "check the names with airlock list; leave images out with --exclude" : hint);
}

}  // namespace

Resolution resolve(registry::Client& client, const kubeone::ImageSet& set, const ResolveOptions& options,
                   Reporter& reporter) {
  std::vector<oci::Reference> sources;
  for (const auto& [source, reason] : set.images) sources.push_back(source);
  std::vector<std::optional<records::Image>> images(sources.size());
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
  for (auto& image : images) resolution.images.push_back(std::move(*image));
  resolution.graph = resolver.take_graph();
  for (const records::Image& image : resolution.images)
    resolution.unshared_bytes += oci::bytes_of(resolution.graph.closure(records::roots_of(image)));
  return resolution;
}

}  // namespace airlock::transfer
