// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/graph_builder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

namespace {

constexpr unsigned max_depth = 4;           // an index of indexes is rare; more is an attack
constexpr std::size_t max_nodes = 200'000;  // as many entries as a bundle may have
constexpr std::uint64_t max_bytes =
    256U << 20;  // documents are held in memory; some hundred images have a few MB of them

std::string described(std::string_view type, std::uint64_t size) { return fmt::format("{} of {} bytes", type, size); }

}  // namespace

/// One traversal from one root. A node seen as an artifact is visited again if an image reaches it.
struct GraphBuilder::Walk {
  const Fetch& fetch;
  std::set<std::pair<const Node*, bool>> seen = {};
};

GraphBuilder::GraphBuilder(GraphOptions options) : options_(std::move(options)) {}

void GraphBuilder::refuse_document(const std::string& why) const {
  throw Error(ErrorCode::format, options_.side, why).hint(options_.advice);
}

/// While it lives, no other thread fetches or parses the same document.
class GraphBuilder::Turn {
 public:
  Turn(GraphBuilder& builder, const Digest& digest) : builder_(builder), digest_(digest) {
    std::unique_lock lock(builder_.mutex_);
    while (!builder_.busy_.insert(digest_).second) builder_.turn_ended_.wait(lock);
  }
  ~Turn() {
    const std::lock_guard lock(builder_.mutex_);
    builder_.busy_.erase(digest_);
    builder_.turn_ended_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  GraphBuilder& builder_;
  Digest digest_;
};

Node* GraphBuilder::find(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = graph_.nodes_.find(digest);
  return found == graph_.nodes_.end() ? nullptr : &found->second;
}

std::string_view GraphBuilder::intern(const std::string& media_type) {
  return *graph_.media_types_.insert(media_type).first;
}

const Platform* GraphBuilder::intern(const Platform& platform) {
  const std::lock_guard lock(mutex_);
  return &*graph_.platforms_.insert(platform).first;
}

Node& GraphBuilder::note(const Descriptor& descriptor, NodeKind kind) {
  const std::lock_guard lock(mutex_);
  const auto [position, added] =
      graph_.nodes_.try_emplace(descriptor.digest, Node{descriptor.digest, descriptor.size, kind, true, {}, nullptr});
  Node& node = position->second;
  if (added) {
    if (graph_.nodes_.size() > max_nodes) refuse_document(fmt::format("more than {} blobs", max_nodes));
    node.media_type = intern(descriptor.media_type);
    if (kind == NodeKind::document) node.content = std::make_unique<Content>();
    return node;
  }
  const std::string what = descriptor.digest.str();
  if (node.size != descriptor.size)
    refuse_document(
        fmt::format("two descriptors give {} different sizes: {} and {}", what, node.size, descriptor.size));
  if (node.is_document() != (kind == NodeKind::document))
    refuse_document(what + " is used both as a manifest and as a config or layer");
  const auto types = [&] { return fmt::format("{} and {}", node.media_type, descriptor.media_type); };
  if (node.is_document() && node.media_type != descriptor.media_type)
    refuse_document(fmt::format("two descriptors give {} different types: {}", what, types()));
  const auto one = media_type::layer_compression(node.media_type);
  const auto other = media_type::layer_compression(descriptor.media_type);
  if (one && other && *one != *other)
    refuse_document(fmt::format("two descriptors say that {} is compressed in different ways: {}", what, types()));
  // One layer may be listed under Docker's and under the OCI's type, and `{}` is the config of many kinds of artifacts;
  // the choice must not depend on the order of images.
  node.kind = std::min(node.kind, kind);
  if (descriptor.media_type < node.media_type) node.media_type = intern(descriptor.media_type);
  return node;
}

Edge GraphBuilder::edge(const Descriptor& descriptor, NodeKind kind) {
  const Node& node = note(descriptor, kind);
  const std::lock_guard lock(mutex_);
  return {&node, intern(descriptor.media_type)};
}

/// REQUIRES: the caller has the document's turn.
void GraphBuilder::keep(Node& node, RawDocument raw) {
  if (raw.bytes.size() != node.size || raw.media_type != node.media_type)
    refuse_document(fmt::format("{}: it is described as {}, but is {}", node.digest.str(),
                                described(node.media_type, node.size),
                                described(printable(raw.media_type), raw.bytes.size())));
  if (raw.digest != node.digest)
    refuse_document(fmt::format("manifest {}: its bytes have the digest {}", node.digest.str(), raw.digest.str()));
  {
    const std::lock_guard lock(mutex_);
    if ((document_bytes_ += raw.bytes.size()) > max_bytes)
      refuse_document(fmt::format("the manifests of all images exceed {}", human_size(max_bytes)));
  }
  node.content->bytes = std::move(raw.bytes);
  node.content->bytes.shrink_to_fit();  // it grew as it came, by doubling
}

Node* GraphBuilder::obtain(const Digest& digest, const Fetch& fetch) {
  const Turn turn(*this, digest);
  Node* node = find(digest);
  if (node != nullptr && node->content && (node->content->parsed || !node->content->bytes.empty())) return node;
  auto raw = fetch(digest);
  if (!raw) return nullptr;
  if (node == nullptr)
    node = &note({raw->media_type, raw->digest, raw->bytes.size(), std::nullopt, {}}, NodeKind::document);
  keep(*node, std::move(*raw));
  return node;
}

void GraphBuilder::link(Content& content, const Index& index, bool whole) {
  content.index = true;
  std::set<Digest> taken;
  for (const Descriptor& member : whole ? index.manifests : select_members(index, options_.platforms)) {
    taken.insert(member.digest);
    const Platform* platform = member.platform ? intern(*member.platform) : nullptr;
    content.members.push_back({edge(member, NodeKind::document).to, platform, is_attestation(member)});
  }
  std::set<Platform> offered;
  for (const Descriptor& member : index.manifests) {
    if (!taken.contains(member.digest)) content.sparse = true;
    if (!member.platform) content.offers_unnamed = true;
    if (member.platform && member.platform->os() != Platform::unknown().os()) offered.insert(*member.platform);
  }
  for (const Platform& platform : offered) content.offered.push_back(intern(platform));
  content.members.shrink_to_fit();
  content.offered.shrink_to_fit();
}

void GraphBuilder::link(Content& content, const Manifest& manifest) {
  content.config = edge(manifest.config, NodeKind::config);
  content.layers.reserve(manifest.layers.size());
  for (const Descriptor& layer : manifest.layers) content.layers.push_back(edge(layer, NodeKind::layer));
}

/// Fetches and parses it, unless that was done, and returns what it names. An index that was taken for the selection is
/// parsed again when it turns out to be needed whole.
std::vector<MemberEdge> GraphBuilder::expand(Node& node, const Fetch& fetch, bool whole) {
  if (obtain(node.digest, fetch) == nullptr)
    throw Error(options_.side == Side::source ? ErrorCode::registry : ErrorCode::format, options_.side,
                "it is missing, although an index or a list names it")
        .hint(options_.advice);
  const Turn turn(*this, node.digest);
  if (node.content->parsed && !(whole && node.content->sparse)) return node.content->members;
  const Document document = parse_document(node.content->bytes, node.media_type);
  Content content;
  if (const Index* index = document.index())
    link(content, *index, whole);
  else
    link(content, *document.manifest());
  content.subject = document.subject();
  content.listing = document.listing;
  // A sparse index may be wanted whole yet.
  if (options_.keep_bytes || content.sparse) content.bytes = std::move(node.content->bytes);
  content.parsed = true;
  std::swap(*node.content, content);  // frees the bytes that are not kept
  return node.content->members;
}

void GraphBuilder::visit(Node& node, Walk& walk, bool artifact, bool whole, unsigned depth) {
  if (depth > max_depth) refuse_document(fmt::format("indexes are nested deeper than {} levels", max_depth));
  if (!walk.seen.emplace(&node, artifact).second) return;
  throw_if_interrupted();
  if (!artifact) {
    const std::lock_guard lock(mutex_);
    node.artifact = false;
  }
  whole = whole || options_.whole.contains(node.digest);
  const auto members =
      within([&] { return "manifest " + node.digest.str(); }, [&] { return expand(node, walk.fetch, whole); });
  for (const MemberEdge& member : members)
    visit(*find(member.to->digest), walk, artifact || member.attestation, whole, depth + 1);
}

const Node* GraphBuilder::add(const Digest& root, Role role, const Fetch& fetch) {
  Node* node = obtain(root, fetch);
  if (node == nullptr) return nullptr;
  Walk walk{fetch};
  visit(*node, walk, role == Role::referrer, false, 0);
  return node;
}

const Node& GraphBuilder::add(RawDocument root, Role role, const Fetch& fetch) {
  const Digest digest = root.digest;
  obtain(digest, [&](const Digest&) { return std::optional(std::move(root)); });
  return *add(digest, role, fetch);
}

const Node& GraphBuilder::add(const Descriptor& root, Role role, const Fetch& fetch) {
  Node& node = note(root, NodeKind::document);
  Walk walk{fetch};
  visit(node, walk, role == Role::referrer, false, 0);
  return node;
}

Nodes GraphBuilder::documents_of(const Node& image) {
  const std::lock_guard lock(mutex_);
  return graph_.documents_of(image.digest);
}

std::set<Digest> GraphBuilder::add_referrers(const Node& image, const std::vector<Descriptor>& referrers,
                                             const Fetch& fetch) {
  std::set<Digest> subjects;
  const auto add_subjects = [&](const Digest& root) {
    for (const Node* document : graph_.documents_of(root)) subjects.insert(document->digest);
  };
  Nodes added;
  for (const Descriptor& referrer : referrers) added.push_back(&add(referrer, Role::referrer, fetch));
  const std::lock_guard lock(mutex_);
  add_subjects(image.digest);
  for (const Node* node : added) add_subjects(node->digest);
  for (const Node* node : added)
    if (const auto& subject = node->content->subject; subject && !subjects.contains(*subject))
      refuse_document(fmt::format("its referrer {} is about another image, {}", node->digest.str(), subject->str()));
  return subjects;
}

}  // namespace airlock::oci
