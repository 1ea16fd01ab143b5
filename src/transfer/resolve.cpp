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

/// Which indexes are taken with all their members. A lock file has decided it.
std::set<oci::Digest> whole_indexes(const kubeone::ImageSet& set, const ResolveOptions& options) {
  std::set<oci::Digest> whole;
  for (const auto& [source, pin] : options.pins)
    if (pin.whole) whole.insert(pin.descriptor.digest);
  if (!options.pins.empty() || options.platforms.all() || options.pinned != Pinned::whole) return whole;
  for (const auto& [source, reason] : set.images)
    if (source.digest) whole.insert(*source.digest);
  return whole;
}

/// What platforms that nobody selected add to the export.
void tell_whole(const std::vector<records::Image>& images, const oci::Graph& graph, const ResolveOptions& options,
                Reporter& reporter) {
  std::vector<oci::Digest> selected;
  std::vector<std::string> whole;
  for (const records::Image& image : images) {
    const auto roots = records::roots_of(image);
    selected.insert(selected.end(), roots.begin() + (image.whole ? 1 : 0), roots.end());
    if (!image.whole) continue;
    whole.push_back(image.source.str());
    for (const oci::MemberEdge& member : graph.at(image.descriptor.digest).content->members)
      if (!member.attestation && (!member.platform || options.platforms.wants(*member.platform)))
        selected.push_back(member.to->digest);
  }
  if (whole.empty()) return;
  const std::uint64_t all = oci::bytes_of(graph.closure(records::roots_of(images)));
  reporter.note(
      fmt::format("{} by digest, so all of {} platforms travel, {} more (--pinned filter takes only those of "
                  "--platform):\n  {}",
                  whole.size() == 1 ? "1 image is asked for" : fmt::format("{} images are asked for", whole.size()),
                  whole.size() == 1 ? "its" : "their", human_size(all - oci::bytes_of(graph.closure(selected))),
                  join(whole, "\n  ")));
}

class Resolver {
 public:
  Resolver(registry::Client& client, const ResolveOptions& options, std::set<oci::Digest> whole, Reporter& reporter)
      : client_(client),
        options_(options),
        reporter_(reporter),
        builder_({options.platforms, Side::source,
                  "the registry or something before it is broken or lying; ask another --mirror", whole}),
        whole_(std::move(whole)),
        referrers_(client, builder_,
                   options.allow_missing_referrers ? UnknownReferrers::warn : UnknownReferrers::refuse, reporter) {}

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
    if (options_.made != nullptr && options_.made->find(source) != nullptr) return take_made(source, reason);
    if (const auto pin = options_.pins.find(source); pin != options_.pins.end()) return resolve_pinned(pin->second);
    const registry::Repository repository{source.registry, source.repository};
    const oci::Node* top = add(repository, source);
    if (top == nullptr) throw Error(ErrorCode::registry, Side::source, "there is no such image").absent();
    check_platforms(source, *top);
    check_layers(repository, *top);
    records::Image image = described(source, *top, reason);
    image.whole = top->content->index && whole_.contains(top->digest);
    refuse_pinned(source, *top);
    if (options_.referrers)
      image.referrers =
          within([&] { return "its signatures and attestations"; }, [&] { return referrers_.find(repository, *top); });
    return image;
  }

  oci::Graph take_graph() { return builder_.take(); }

 private:
  using Role = oci::GraphBuilder::Role;

  oci::GraphBuilder::Fetch fetch_from(const registry::Repository& repository) {
    return [this, &repository](const oci::Digest& digest) { return client_.fetch_manifest(repository, digest); };
  }

  static records::Image described(const oci::Reference& source, const oci::Node& top, const kubeone::Reason& reason) {
    records::Image image{source, {std::string(top.media_type), top.digest, top.size, std::nullopt, {}}, {}, {}, {}};
    image.components.assign(reason.components.begin(), reason.components.end());
    image.groups.assign(reason.groups.begin(), reason.groups.end());
    return image;
  }

  records::Image take_made(const oci::Reference& source, const kubeone::Reason& reason) {
    const oci::RawDocument& manifest = *options_.made->find(source);
    const auto pin = options_.pins.find(source);
    if (pin != options_.pins.end() && pin->second.descriptor.digest != manifest.digest)
      throw Error(ErrorCode::selection, fmt::format("the lock file wants {}, but its content is another now, {}",
                                                    pin->second.descriptor.digest.str(), manifest.digest.str()))
          .hint("give the file or chart that was locked, or make the lock file anew with airlock resolve");
    const auto nothing = [](const oci::Digest&) { return std::optional<oci::RawDocument>(); };
    const oci::Node& top = builder_.add(manifest, Role::image, nothing);
    return pin != options_.pins.end() ? pin->second : described(source, top, reason);
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
    records::add_to_graph(builder_, image, fetch);
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
    for (const oci::Platform* platform : index.offered) offered.push_back(platform->str());
    const std::string list = join(offered, ", ");
    if (index.members.empty())
      throw Error(ErrorCode::selection,
                  fmt::format("it is not served for {}, only for {}", join(options_.platforms.words(), ", "), list))
          .hint("choose a platform that it is served for, or leave the image out with --exclude")
          .absent();
    std::vector<std::string> lacking;
    for (const std::string& word : options_.platforms.words()) {
      const oci::PlatformSelection one = oci::PlatformSelection::parse({word});
      const auto wanted = [&](const oci::Platform* platform) { return one.wants(*platform); };
      if (!index.offers_unnamed && std::none_of(index.offered.begin(), index.offered.end(), wanted))
        lacking.push_back(word);
    }
    if (!lacking.empty())
      reporter_.warning(fmt::format("{} is not served for {}; it has {}", source.str(), join(lacking, ", "), list));
  }

  /// Layers that their publisher does not let registries carry: whether this one has them is known before bytes move.
  void check_layers(const registry::Repository& repository, const oci::Node& top) {
    for (const oci::Node* document : builder_.documents_of(top))
      for (const oci::Edge& layer : document->content->layers)
        if (oci::media_type::is_foreign_layer(layer.media_type) &&
            client_.has_blob(repository, layer.to->digest) == false)
          throw Error(
              ErrorCode::registry, Side::source,
              fmt::format("manifest {}: its layer {} is a foreign one ({}): its publisher keeps it at addresses "
                          "of its own, and this registry does not have it",
                          document->digest.str(), layer.to->digest.str(), layer.media_type))
              .hint(
                  "take other platforms (--platform; --pinned filter for an image that is pinned by digest), leave the "
                  "image out with --exclude, or ask a --mirror that keeps such layers");
  }

  void refuse_pinned(const oci::Reference& source, const oci::Node& top) const {
    if (options_.pinned != Pinned::refuse || !source.digest || !top.content->sparse) return;
    throw Error(ErrorCode::selection,
                "it is asked for by its digest, and has more platforms than are taken: --pinned refuse does not allow "
                "that")
        .hint("take all of its platforms with --pinned whole, or of all images with --platform all");
  }

  registry::Client& client_;
  const ResolveOptions& options_;
  Reporter& reporter_;
  oci::GraphBuilder builder_;
  std::set<oci::Digest> whole_;
  ReferrerFinder referrers_;
  std::map<oci::Reference, oci::Digest> asked_;  // what Docker Hub says that its tags are
};

/// Takes out the failures that may be.
std::vector<bundle::Missing> allowed(const std::vector<oci::Reference>& sources, const AllowMissing& allow,
                                     std::vector<std::exception_ptr>& failures) {
  std::vector<bundle::Missing> missing;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    if (!failures[i] || !allow.allows(sources[i])) continue;
    try {
      std::rethrow_exception(failures[i]);
    } catch (const Error& error) {
      if (!error.is_absence()) continue;
      missing.push_back({sources[i], error.what()});
    }
    failures[i] = nullptr;
  }
  return missing;
}

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
      .hint(hint.empty() ? "check the names with airlock list; leave images out with --exclude, or go on without those "
                           "that are missing with --allow-missing"
                         : hint);
}

}  // namespace

Resolution resolve(registry::Client& client, const kubeone::ImageSet& set, const ResolveOptions& options,
                   Reporter& reporter) {
  std::vector<oci::Reference> sources;
  for (const auto& [source, reason] : set.images) sources.push_back(source);
  std::vector<std::optional<records::Image>> images(sources.size());
  Resolver resolver(client, options, whole_indexes(set, options), reporter);
  resolver.ask_hub(sources);
  reporter.begin("resolving", 0, sources.size());
  auto failures = run_parallel(
      sources.size(), options.jobs,
      [&](std::size_t i) {
        const auto moving = reporter.start_moving(sources[i].str());
        images[i] = resolver.resolve(sources[i], set.images.at(sources[i]));
        reporter.item_done();
      },
      OnFailure::continue_);
  reporter.end();
  Resolution resolution;
  resolution.missing = allowed(sources, options.missing, failures);
  if (std::any_of(failures.begin(), failures.end(), [](const auto& failure) { return failure != nullptr; }))
    refuse_all(sources, failures);
  for (auto& image : images)
    if (image) resolution.images.push_back(std::move(*image));
  if (sources.empty())
    throw Error(ErrorCode::selection, "the selection has no image, chart or file that a bundle could carry")
        .hint("a local chart travels with its manifest; add --image, or a chart of a repository");
  if (resolution.images.empty())
    throw Error(ErrorCode::registry, Side::source,
                fmt::format("none of {} can be had, the first as {}", count_of(sources.size(), "image"),
                            resolution.missing.front().reason))
        .hint("check the names with airlock list, and the registries with --mirror");
  resolution.graph = resolver.take_graph();
  tell_whole(resolution.images, resolution.graph, options, reporter);
  for (const records::Image& image : resolution.images)
    resolution.unshared_bytes += oci::bytes_of(resolution.graph.closure(records::roots_of(image)));
  return resolution;
}

}  // namespace airlock::transfer
