// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/lock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock::records {

namespace {

constexpr std::string_view heading =
    "# airlock lock file: what a selection was resolved to. `airlock export --lock` takes exactly this.\n";
constexpr const char* any_platform = "any";  // of an image without an index
constexpr JsonLimits lock_limits{64U << 20, 16, 2U << 20};

/// A YAML flow scalar that YAML readers parse as a string.
std::string quoted(const std::string& text) { return Json(text).dump(); }

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + quoted(word);
  return fmt::format("[{}]", text);
}

std::string format_referrer(const Referrer& referrer) {
  std::string text =
      fmt::format("      - {{digest: {}, mediaType: {}, size: {}", quoted(referrer.descriptor.digest.str()),
                  quoted(referrer.descriptor.media_type), referrer.descriptor.size);
  if (referrer.tag) text += ", tag: " + quoted(*referrer.tag);
  return text + "}\n";
}

std::string format_image(const LockedImage& locked) {
  const Image& image = locked.image;
  std::string text = fmt::format(
      "  - source: {}\n    digest: {}\n    mediaType: {}\n    size: {}\n    components: {}\n    groups: {}\n    "
      "platforms:{}\n",
      quoted(image.source.str()), quoted(image.descriptor.digest.str()), quoted(image.descriptor.media_type),
      image.descriptor.size, list_of(image.components), list_of(image.groups),
      locked.platform_bytes.empty() ? " {}" : "");
  for (const auto& [platform, bytes] : locked.platform_bytes)
    text += fmt::format("      {}: {}\n", quoted(platform), bytes);
  if (image.whole) text += "    whole: true\n";
  if (image.referrers.empty()) return text;
  text += "    referrers:\n";
  for (const Referrer& referrer : image.referrers) text += format_referrer(referrer);
  return text;
}

oci::Descriptor parse_descriptor(const JsonObject& object) {
  oci::Descriptor descriptor = oci::Descriptor::from_json(object);
  return {descriptor.media_type, descriptor.digest, descriptor.size, std::nullopt, {}};
}

LockedImage parse_image(const JsonObject& object) {
  object.only({"source", "digest", "mediaType", "size", "components", "groups", "platforms", "referrers", "whole"});
  LockedImage locked{{oci::Reference::parse(object.string("source")),
                      parse_descriptor(object),
                      object.strings("components"),
                      object.strings("groups"),
                      {},
                      false},
                     {}};
  const JsonObject platforms = object.object("platforms");
  for (const auto& [platform, bytes] : platforms.json().items())
    locked.platform_bytes[platform == any_platform ? platform : oci::Platform::parse(platform).str()] =
        platforms.integer(platform);
  if (object.has("referrers"))
    for (const JsonObject& entry : object.objects("referrers")) {
      entry.only({"digest", "mediaType", "size", "tag"});
      Referrer referrer{parse_descriptor(entry), std::nullopt};
      if (const auto tag = entry.optional_string("tag")) referrer.tag = parse_referrer_tag(*tag);
      locked.image.referrers.push_back(std::move(referrer));
    }
  locked.image.whole = parse_whole(object);
  check_image(locked.image);
  return locked;
}

/// What was counted: an index may name one document for several platforms, and for the same one thousands of times.
using Counted = std::set<std::pair<oci::Digest, std::string>>;

/// Bytes of configs and layers below a manifest or index, by platform.
void add_platform_bytes(LockedImage& locked, const oci::Node& node, const std::string& platform, Counted& counted) {
  if (!counted.emplace(node.digest, platform).second) return;
  for (const oci::MemberEdge& member : node.content->members)
    add_platform_bytes(locked, *member.to, member.platform ? member.platform->str() : any_platform, counted);
  if (node.content->index) return;
  std::uint64_t& bytes = locked.platform_bytes[platform];
  bytes += node.content->config->to->size;
  for (const oci::Edge& layer : node.content->layers) bytes += layer.to->size;
}

}  // namespace

Lock Lock::of(const std::vector<Image>& images, std::vector<Missing> missing, const oci::Graph& graph,
              const Selection& selection) {
  Lock lock{selection, {}, {}, std::move(missing)};
  for (const Image& image : images) {
    LockedImage locked{image, {}};
    Counted counted;
    add_platform_bytes(locked, graph.at(image.descriptor.digest), any_platform, counted);
    for (const oci::Node* node : graph.closure({image.descriptor.digest}))
      if (!node->content) locked.bytes += node->size;
    lock.images.push_back(std::move(locked));
  }
  for (const oci::Node* node : graph.closure(roots_of(images))) lock.blobs.emplace(node->digest, node->size);
  return lock;
}

std::string Lock::format() const {
  std::string text(heading);
  text += fmt::format(
      "version: 1\nkubeone: {}\nfilters: {}\nkubernetesVersions: {}\nplatforms: {}\ncatalogDigest: {}\nimages:\n",
      quoted(selection.kubeone), list_of(selection.filters), list_of(selection.kubernetes_versions),
      list_of(selection.platforms), quoted(selection.catalog_digest));
  for (const LockedImage& image : images) text += format_image(image);
  if (!missing.empty()) text += "# of the selection, but not there when it was resolved\nmissing:\n";
  for (const Missing& one : missing)
    text += fmt::format("  - source: {}\n    reason: {}\n", quoted(one.source.str()), quoted(one.reason));
  text += "# every blob of it, in bytes\nblobs:\n";
  for (const auto& [digest, size] : blobs) text += fmt::format("  {}: {}\n", quoted(digest.str()), size);
  return text;
}

Lock Lock::parse(std::string_view text, const std::string& where) {
  try {
    const Json json = parse_yaml(text, where, lock_limits);
    const JsonObject object(json, where);
    object.only({"version", "kubeone", "filters", "kubernetesVersions", "platforms", "catalogDigest", "images",
                 "missing", "blobs"});
    if (object.integer("version") != 1)
      throw Error(ErrorCode::format, fmt::format("{}: unknown version {}", where, object.integer("version")));
    Lock lock;
    lock.selection = {object.string("kubeone"),    object.strings("filters"),      object.strings("kubernetesVersions"),
                      object.strings("platforms"), object.string("catalogDigest"), ""};
    static_cast<void>(oci::PlatformSelection::parse(lock.selection.platforms));
    for (const JsonObject& image : object.objects("images")) lock.images.push_back(parse_image(image));
    const auto not_before = [](const LockedImage& a, const LockedImage& b) { return a.image.source >= b.image.source; };
    if (std::adjacent_find(lock.images.begin(), lock.images.end(), not_before) != lock.images.end())
      throw Error(ErrorCode::format, where + ": images are not in order, or one appears twice");
    if (object.has("missing"))
      for (const JsonObject& one : object.objects("missing")) {
        one.only({"source", "reason"});
        lock.missing.push_back({oci::Reference::parse(one.string("source")), one.string("reason")});
      }
    const JsonObject blobs = object.object("blobs");
    for (const auto& [digest, size] : blobs.json().items())
      lock.blobs.emplace(oci::Digest::parse(digest), blobs.integer(digest));
    return lock;
  } catch (const Error& error) {
    throw Error(ErrorCode::format, std::string("not a lock file that airlock can read: ") + error.what())
        .hint("create it again with airlock resolve");
  }
}

kubeone::ImageSet Lock::image_set() const {
  kubeone::ImageSet set{selection.kubeone, selection.filters, selection.kubernetes_versions, {}};
  for (const LockedImage& locked : images)
    set.images[locked.image.source] = {{locked.image.components.begin(), locked.image.components.end()},
                                       {locked.image.groups.begin(), locked.image.groups.end()},
                                       {}};
  return set;
}

Pins Lock::pins() const {
  Pins pins;
  for (const LockedImage& locked : images) pins.emplace(locked.image.source, locked.image);
  return pins;
}

bool looks_like_lock(std::string_view text) { return text.starts_with(heading.substr(0, 19)); }

}  // namespace airlock::records
