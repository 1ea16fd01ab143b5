// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/registry_inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/flow/open_for_review.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/pace.hpp"
#include "airlock/transfer/registry_ports.hpp"
#include "flow/destinations.hpp"
#include "flow/listing.hpp"

namespace airlock::flow {

namespace {

/// One name, and the image that it should stand for.
struct ExpectedName {
  oci::Reference source;
  oci::Digest digest;
  std::optional<oci::Digest> derived;  ///< stands for it in registries that refuse incomplete indexes
  registry::Repository repository;
  oci::Tag tag;
  std::vector<oci::Digest> members = {};  ///< manifests of platforms that have to be there too
};

std::vector<ExpectedName> names_of(const records::Receipt& receipt, const RegistryInventoryRequest& request) {
  if (request.naming.mapping)
    throw Error(ErrorCode::usage, request.other.string() + " is a receipt, which says what the names are")
        .hint("leave out --map and --map-file");
  if (receipt.registry.key() != request.place.key())
    throw Error(ErrorCode::usage, fmt::format("{} is about {}, not about {}", request.other.string(),
                                              receipt.registry.str(), request.place.str()))
        .hint("name the registry and prefix of the receipt, or another receipt");
  std::vector<ExpectedName> names;
  for (const records::ReceiptImage& image : receipt.images)
    names.push_back(
        {image.source, image.upstream_digest, image.digest, {request.place.host, image.repository}, image.tag});
  return names;
}

std::vector<ExpectedName> names_of(const std::vector<records::Image>& images, const Naming& naming,
                                   const RegistryInventoryRequest& request) {
  std::vector<ExpectedName> names;
  for (const auto& destination : destinations_of(images, request.place, naming))
    names.push_back({destination.image->source, destination.image->descriptor.digest, std::nullopt,
                     destination.repository, *destination.tag});
  return names;
}

std::vector<ExpectedName> names_of_bundle(const RegistryInventoryRequest& request, Reporter& reporter) {
  VerifyRequest open;
  open.bundle = request.other;
  open.volumes = request.volumes;
  open.blobs = bundle::BlobCheck::on_read;
  const OpenedBundle bundle = open_for_review(open, std::nullopt, reporter);
  auto names = names_of(bundle.metadata().images, request.naming.of(bundle.metadata()), request);
  std::map<oci::Digest, oci::Digest> derived;
  for (const records::Image& image : bundle.metadata().images)
    if (const auto index = transfer::derived_index(bundle.content->graph(), image))
      derived.emplace(image.descriptor.digest, oci::sha256(*index));
  for (ExpectedName& name : names) {
    if (const auto other = derived.find(name.digest); other != derived.end()) name.derived = other->second;
    for (const oci::Node* document : bundle.content->graph().documents_of(name.digest))
      if (document->digest != name.digest) name.members.push_back(document->digest);
  }
  return names;
}

std::vector<ExpectedName> names_of(const RegistryInventoryRequest& request, Reporter& reporter) {
  const Listing listing = read_listing(request.other);
  if (const auto* receipt = std::get_if<records::Receipt>(&listing)) return names_of(*receipt, request);
  const auto* lock = std::get_if<records::Lock>(&listing);
  if (lock == nullptr) return names_of_bundle(request, reporter);
  std::vector<records::Image> images;
  for (const records::LockedImage& locked : lock->images) images.push_back(locked.image);
  const Naming naming{request.naming.mapping.value_or(kubeone::NameMapping()), request.naming.files};
  return names_of(images, naming, request);
}

/// Whether nodes ask for a tag; others hold signatures and lists of referrers.
bool is_image_tag(const oci::Tag& tag) {
  if (oci::cosign_subject(tag)) return false;
  const std::string_view text = tag.str();
  return !(text.starts_with("sha256-") && text.size() == 7 + 64);  // oci::referrers_tag()
}

/// Asks for names from several threads, and puts the answers together.
class Asking {
 public:
  Asking(registry::Client& client, Reporter& reporter) : client_(client), reporter_(reporter) {}

  void ask(const registry::Repository& repository, const std::vector<const ExpectedName*>& names) {
    std::vector<oci::Tag> known;
    bool any = false;
    for (const ExpectedName* name : names) {
      const auto served = client_.fetch_manifest(repository, name->tag);
      known.push_back(name->tag);
      note(*name, served ? std::optional(served->digest) : std::nullopt);
      any = any || served;
      if (served && (served->digest == name->digest || served->digest == name->derived)) ask_members(*name);
    }
    for (oci::Tag& tag : other_tags(repository, any))
      if (std::find(known.begin(), known.end(), tag) == known.end() && is_image_tag(tag)) {
        const std::lock_guard lock(mutex_);
        others_.push_back({repository, std::move(tag), &names.front()->source});
      }
    reporter_.item_done();
  }

  /// One repository may have thousands of other tags: they are asked for one by one, when all are known.
  void ask_others(unsigned jobs) {
    if (others_.empty()) return;
    reporter_.begin("asking for other tags", 0, others_.size());
    run_parallel(others_.size(), jobs, [&](std::size_t i) {
      ask_other(others_[i].repository, others_[i].tag, *others_[i].source);
      reporter_.item_done();
    });
    reporter_.end();
  }

  /// Those that have all their names.
  std::map<std::string, oci::Digest> take() {
    for (const std::string& source : incomplete_) images_.erase(source);
    return std::move(images_);
  }

 private:
  struct OtherTag {
    registry::Repository repository;
    oci::Tag tag;
    const oci::Reference* source;  ///< an image of that repository
  };

  void note(const ExpectedName& name, const std::optional<oci::Digest>& served) {
    const std::string source = name.source.str();
    const std::lock_guard lock(mutex_);
    if (!served)
      incomplete_.insert(source);
    else if (*served == name.digest || served == name.derived)
      images_.emplace(source, name.digest);
    else
      images_.insert_or_assign(source, *served);
  }

  /// An index may be there whose manifests the registry does not have.
  void ask_members(const ExpectedName& name) {
    std::size_t absent = 0;
    for (const oci::Digest& member : name.members)
      if (!client_.fetch_manifest(name.repository, member)) ++absent;
    if (absent == 0) return;
    reporter_.warning(fmt::format("{}:{}: {} of {} platforms are not there; airlock import sends them",
                                  name.repository.str(), name.tag.str(), absent, name.members.size()));
    const std::lock_guard lock(mutex_);
    incomplete_.insert(name.source.str());
  }

  /// Somebody else's: whatever it is, it does not spoil the comparison.
  void ask_other(const registry::Repository& repository, const oci::Tag& tag, const oci::Reference& source) {
    try {
      const auto served = client_.fetch_manifest(repository, tag);
      if (!served) throw Error(ErrorCode::registry, "it is listed, and not served");
      const std::lock_guard lock(mutex_);
      images_.emplace(fmt::format("{}:{}", source.name(), tag.str()), served->digest);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::registry && error.code() != ErrorCode::format) throw;
      reporter_.warning(fmt::format("{}:{} is not compared: {}", repository.str(), tag.str(), error.what()));
    }
  }

  /// Of a registry that lists none to this user, none: what was asked for by name is known all the same. `any`: the
  /// repository has manifests, so that it should have a list.
  std::vector<oci::Tag> other_tags(const registry::Repository& repository, bool any) {
    std::string why = "the registry has no list of them";
    try {
      if (auto tags = client_.tags(repository); tags && (!tags->empty() || !any)) return std::move(*tags);
      if (!any) return {};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::registry && error.code() != ErrorCode::format) throw;
      why = error.what();
    }
    const std::lock_guard lock(mutex_);
    if (!std::exchange(lists_none_, true))
      reporter_.warning(fmt::format("other tags are not compared, of {} and maybe others: {}", repository.str(), why));
    return {};
  }

  registry::Client& client_;
  Reporter& reporter_;
  std::mutex mutex_;
  std::map<std::string, oci::Digest> images_;
  std::set<std::string> incomplete_;
  std::vector<OtherTag> others_;
  bool lists_none_ = false;
};

}  // namespace

records::Inventory registry_inventory(const RegistryInventoryRequest& request, Reporter& reporter) {
  const std::vector<ExpectedName> names = names_of(request, reporter);
  std::map<registry::Repository, std::vector<const ExpectedName*>> repositories;
  for (const ExpectedName& name : names) repositories[name.repository].push_back(&name);
  const std::vector<std::pair<registry::Repository, std::vector<const ExpectedName*>>> work(repositories.begin(),
                                                                                            repositories.end());
  registry::Client client(request.client, reporter);
  client.reach(request.place.host);
  Asking asking(client, reporter);
  reporter.begin("asking " + request.place.str(), 0, work.size());
  const unsigned jobs = transfer::pace(client, {request.place.host}, request.jobs).jobs;
  run_parallel(work.size(), jobs, [&](std::size_t i) { asking.ask(work[i].first, work[i].second); });
  reporter.end();
  asking.ask_others(jobs);
  records::Inventory inventory;
  inventory.kind = records::InventoryKind::registry;
  inventory.name = request.place.str();
  inventory.images = asking.take();
  return inventory;
}

}  // namespace airlock::flow
