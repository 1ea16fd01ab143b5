// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "bundle/text_stream.hpp"

namespace airlock::bundle {

namespace {

constexpr const char* missing_extension = "missing";
constexpr const char* mapping_extension = "mapping";
constexpr const char* ref_name_annotation = "org.opencontainers.image.ref.name";
constexpr const char* containerd_name_annotation = "io.containerd.image.name";
constexpr const char* referrer_tag_annotation = "io.airlock.referrer.tag";
constexpr JsonLimits metadata_limits{64U << 20, 16, 2U << 20};

[[noreturn]] void refuse_metadata(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, "bundle.json: " + why);
}

Json selection_to_json(const records::Selection& selection) {
  return {{"kubeone", selection.kubeone},
          {"filters", selection.filters},
          {"kubernetesVersions", selection.kubernetes_versions},
          {"platforms", selection.platforms},
          {"catalogDigest", selection.catalog_digest},
          {"tool", selection.tool}};
}

records::Selection selection_from_json(const JsonObject& object) {
  object.only({"kubeone", "filters", "kubernetesVersions", "platforms", "catalogDigest", "tool"});
  return {object.string("kubeone"),    object.strings("filters"),      object.strings("kubernetesVersions"),
          object.strings("platforms"), object.string("catalogDigest"), object.string("tool")};
}

records::Blob blob_from_json(const JsonObject& blob) {
  blob.only({"digest", "size", "mediaType"});
  return {oci::Digest::parse(blob.string("digest")), blob.integer("size"), blob.string("mediaType")};
}

records::InventoryKind kind_from_json(const JsonObject& source) {
  const std::string word = source.string("kind");
  for (const records::InventoryKind kind :
       {records::InventoryKind::bundle, records::InventoryKind::lock, records::InventoryKind::receipt})
    if (word == to_string(kind)) return kind;
  refuse_metadata(fmt::format("base: \"{}\" is no kind of source", printable(word, 80)));
}

Json source_to_json(const BaseSource& source) {
  Json json{{"kind", to_string(source.kind)}, {"stream", source.stream}, {"serial", source.serial}};
  if (source.bundle) json["bundle"] = source.bundle->str();
  return json;
}

Base base_from_json(const JsonObject& object) {
  object.only({"sources", "blobs"});
  Base base;
  for (const JsonObject& source : object.objects("sources")) {
    source.only({"kind", "bundle", "stream", "serial"});
    BaseSource found{kind_from_json(source), std::nullopt, source.string("stream"), source.integer("serial")};
    if (!found.stream.empty() && !is_plain_name(found.stream)) refuse_metadata("base: malformed stream name");
    if (const auto digest = source.optional_string("bundle")) found.bundle = oci::Digest::parse(*digest);
    base.sources.push_back(std::move(found));
  }
  for (const JsonObject& blob : object.objects("blobs")) base.blobs.push_back(blob_from_json(blob));
  if (base.blobs.empty()) refuse_metadata("an empty base");
  return base;
}

/// What a registry served of a descriptor's annotations and platform does not belong into a bundle's own lists: other
/// programs take names from there.
oci::Descriptor plain(const oci::Descriptor& descriptor) {
  return {descriptor.media_type, descriptor.digest, descriptor.size, std::nullopt, {}};
}

/// As it stands in bundle.json and in index.json.
Json referrer_to_json(const records::Referrer& referrer) {
  oci::Descriptor descriptor = plain(referrer.descriptor);
  if (referrer.tag) descriptor.annotations = {{referrer_tag_annotation, *referrer.tag}};
  return descriptor.to_json();
}

Json image_to_json(const records::Image& image) {
  Json referrers = Json::array();
  for (const records::Referrer& referrer : image.referrers) referrers.push_back(referrer_to_json(referrer));
  Json json{{"source", image.source.str()},
            {"descriptor", plain(image.descriptor).to_json()},
            {"components", image.components},
            {"groups", image.groups},
            {"referrers", std::move(referrers)}};
  if (image.whole) json["whole"] = true;
  return json;
}

/// A malformed reference or platform is the user's mistake on a command line, but the bundle's in its metadata.
template <typename Parse>
auto of_bundle(Parse&& parse) -> decltype(parse()) {
  try {
    return parse();
  } catch (const Error& error) {
    throw Error(ErrorCode::format, Side::bundle, std::string("bundle.json: ") + error.what());
  }
}

oci::Descriptor descriptor_from_json(const JsonObject& object) {
  object.only({"mediaType", "digest", "size"});
  return oci::Descriptor::from_json(object);
}

records::Referrer referrer_from_json(const JsonObject& object) {
  object.only({"mediaType", "digest", "size", "annotations"});
  records::Referrer referrer{plain(oci::Descriptor::from_json(object)), std::nullopt};
  if (const auto annotations = object.optional_object("annotations")) {
    annotations->only({referrer_tag_annotation});
    referrer.tag = records::parse_referrer_tag(annotations->string(referrer_tag_annotation));
  }
  return referrer;
}

records::Image image_from_json(const JsonObject& object) {
  object.only({"source", "descriptor", "components", "groups", "referrers", "whole"});
  records::Image image{of_bundle([&] { return oci::Reference::parse(object.string("source")); }),
                       descriptor_from_json(object.object("descriptor")),
                       object.strings("components"),
                       object.strings("groups"),
                       {},
                       records::parse_whole(object)};
  for (const JsonObject& referrer : object.objects("referrers"))
    image.referrers.push_back(referrer_from_json(referrer));
  records::check_image(image);
  return image;
}

Time time_of(const JsonObject& object, std::string_view key) {
  const auto time = parse_time(object.string(key));
  if (!time) throw Error(ErrorCode::format, fmt::format("{}: {}: not a time", object.where(), key));
  return *time;
}

/// Kept as they are: they are signed, and what another program made of them has to stay readable for it.
std::map<std::string, std::string> extensions_from_json(const JsonObject& object) {
  std::map<std::string, std::string> extensions;
  for (const auto& [name, value] : object.json().items()) {
    if (!is_plain_name(name)) refuse_metadata(fmt::format("extensions: \"{}\" cannot name one", printable(name, 80)));
    extensions.emplace(name, canonical_json(value));
  }
  if (extensions.empty()) refuse_metadata("extensions: an empty object");
  return extensions;
}

/// The long lists: each entry is read as it comes, so that the whole is never held as JSON. An error waits until it is
/// known that the rest is of this format.
class Lists {
 public:
  void take(const std::string& key, const Json& element) {
    if (failure_) return;
    std::size_t& index = key == "images" ? images_ : blobs_;
    try {
      const JsonObject object(element, "bundle.json: " + key + "[" + std::to_string(index++) + "]");
      if (key == "images")
        images.push_back(image_from_json(object));
      else
        blobs.push_back(blob_from_json(object));
    } catch (const Error& error) {
      failure_ = error;
    }
  }
  void conclude() const {
    if (failure_) throw Error(*failure_);
  }

  std::vector<records::Image> images;
  std::vector<records::Blob> blobs;

 private:
  std::size_t images_ = 0;
  std::size_t blobs_ = 0;
  std::optional<Error> failure_;
};

/// All but the lists.
Metadata metadata_from_json(const JsonObject& object, Lists lists) {
  if (object.string("mediaType") != metadata_media_type)
    throw Error(ErrorCode::format, Side::bundle, "bundle.json: unknown format " + printable(object.string("mediaType")))
        .hint("this bundle was made by another version of airlock; use one that knows this format");
  object.only({"mediaType", "stream", "serial", "created", "expires", "previous", "selection", "images", "blobs",
               "base", "extensions"});
  Metadata metadata;
  metadata.stream = object.string("stream");
  if (!is_plain_name(metadata.stream)) refuse_metadata("malformed stream name");
  metadata.serial = object.integer("serial");
  metadata.created = time_of(object, "created");
  if (object.has("expires")) metadata.expires = time_of(object, "expires");
  if (const auto previous = object.optional_string("previous")) metadata.previous = oci::Digest::parse(*previous);
  metadata.selection = selection_from_json(object.object("selection"));
  of_bundle([&] { return oci::PlatformSelection::parse(metadata.selection.platforms); });
  lists.conclude();
  for (const char* key : {"images", "blobs"}) static_cast<void>(object.objects(key));  // arrays, that is
  metadata.images = std::move(lists.images);
  metadata.blobs = std::move(lists.blobs);
  metadata.images.shrink_to_fit();
  metadata.blobs.shrink_to_fit();
  if (metadata.images.empty()) refuse_metadata("it names no image");
  if (const auto base = object.optional_object("base")) metadata.base = base_from_json(*base);
  if (const auto more = object.optional_object("extensions")) metadata.extensions = extensions_from_json(*more);
  static_cast<void>(metadata.missing());  // of the right form, where they are there
  static_cast<void>(metadata.mapping_rules());
  return metadata;
}

/// `[a,b]` of what `text_of` gives for each: no JSON values for all of them at once.
template <typename List, typename TextOf>
void write_array(TextStream& to, const List& list, TextOf&& text_of) {
  to << "[";
  const char* separator = "";
  for (const auto& element : list) {
    to << separator << text_of(element);
    separator = ",";
  }
  to << "]";
}

std::string blob_text(const records::Blob& blob) {
  return fmt::format(R"({{"digest":"{}","mediaType":{},"size":{}}})", blob.digest.str(),
                     Json(blob.media_type.str()).dump(), blob.size);
}

void write_base(TextStream& to, const Base& base) {
  to << R"({"blobs":)";
  write_array(to, base.blobs, blob_text);
  to << R"(,"sources":)";
  write_array(to, base.sources, [](const BaseSource& source) { return canonical_json(source_to_json(source)); });
  to << "}";
}

std::string extensions_text(const std::map<std::string, std::string>& extensions) {
  Json all;
  for (const auto& [name, text] : extensions) all[name] = parse_json(text, name, metadata_limits);
  return canonical_json(all);
}

void write_manifests(TextStream& to, const std::vector<records::Image>& images) {
  to << R"({"manifests":)";
  write_array(to, images, [](const records::Image& image) {
    oci::Descriptor descriptor = plain(image.descriptor);
    const std::string name = image.source.str();
    descriptor.annotations = {{ref_name_annotation, name}, {containerd_name_annotation, name}};
    std::string text = canonical_json(descriptor.to_json());
    for (const records::Referrer& referrer : image.referrers) text += "," + canonical_json(referrer_to_json(referrer));
    return text;
  });
  to << R"(,"mediaType":")" << oci::media_type::oci_index << R"(","schemaVersion":2})";
}

}  // namespace

std::vector<Missing> Metadata::missing() const {
  std::vector<Missing> missing;
  const auto text = extensions.find(missing_extension);
  if (text == extensions.end()) return missing;
  const Json list = parse_json(text->second, "bundle.json: extensions: missing", metadata_limits);
  if (!list.is_array()) refuse_metadata("extensions: missing: not a list");
  for (const Json& entry : list) {
    const JsonObject object(entry, "bundle.json: extensions: missing");
    missing.push_back(
        {of_bundle([&] { return oci::Reference::parse(object.string("source")); }), object.string("reason")});
  }
  return missing;
}

void Metadata::set_missing(const std::vector<Missing>& missing) {
  extensions.erase(missing_extension);
  Json list = Json::array();
  for (const Missing& one : missing) list.push_back({{"source", one.source.str()}, {"reason", one.reason}});
  if (!missing.empty()) extensions.emplace(missing_extension, canonical_json(list));
}

std::vector<std::string> Metadata::mapping_rules() const {
  const auto text = extensions.find(mapping_extension);
  if (text == extensions.end()) return {};
  const Json list{{"rules", parse_json(text->second, "bundle.json: extensions: mapping", metadata_limits)}};
  return JsonObject(list, "bundle.json: extensions: mapping").strings("rules");
}

void Metadata::set_mapping_rules(const std::vector<std::string>& rules) {
  extensions.erase(mapping_extension);
  if (!rules.empty()) extensions.emplace(mapping_extension, canonical_json(Json(rules)));
}

/// Keys in bytewise order, as canonical JSON has them.
void Metadata::write(const TextSink& sink) const {
  TextStream to(sink);
  to << "{";
  if (!base.blobs.empty()) {
    to << R"("base":)";
    write_base(to, base);
    to << ",";
  }
  to << R"("blobs":)";
  write_array(to, blobs, blob_text);
  to << R"(,"created":)" << Json(format_time(created)).dump();
  if (expires) to << R"(,"expires":)" << Json(format_time(*expires)).dump();
  if (!extensions.empty()) to << R"(,"extensions":)" << extensions_text(extensions);
  to << R"(,"images":)";
  write_array(to, images, [](const records::Image& image) { return canonical_json(image_to_json(image)); });
  to << R"(,"mediaType":)" << Json(metadata_media_type).dump();
  if (previous) to << R"(,"previous":)" << Json(previous->str()).dump();
  to << R"(,"selection":)" << canonical_json(selection_to_json(selection));
  to << R"(,"serial":)" << Json(serial).dump();
  to << R"(,"stream":)" << Json(stream).dump() << "}";
  to.flush();
}

std::string Metadata::format() const {
  std::size_t size = 0;
  write([&](std::string_view piece) { size += piece.size(); });
  std::string text;
  text.reserve(size);  // a string that grows takes twice as much
  write([&](std::string_view piece) { text += piece; });
  return text;
}

Metadata Metadata::parse(std::string_view text) {
  Lists lists;
  const Json json = parse_json_elements(text, "bundle.json", metadata_limits, {"images", "blobs"},
                                        [&](const std::string& key, const Json& element) { lists.take(key, element); });
  Metadata metadata = metadata_from_json(JsonObject(json, "bundle.json"), std::move(lists));
  const auto ordered = [](const records::Image& a, const records::Image& b) { return a.source < b.source; };
  if (!std::is_sorted(metadata.images.begin(), metadata.images.end(), ordered) ||
      std::adjacent_find(metadata.images.begin(), metadata.images.end(),
                         [&](const records::Image& a, const records::Image& b) { return !ordered(a, b); }) !=
          metadata.images.end())
    refuse_metadata("images are not in order, or one appears twice");
  if (!is_text(text, [&](const TextSink& sink) { metadata.write(sink); })) refuse_metadata("not in canonical form");
  return metadata;
}

void write_index(const std::vector<records::Image>& images, const TextSink& sink) {
  TextStream to(sink);
  write_manifests(to, images);
  to.flush();
}

std::string format_index(const std::vector<records::Image>& images) {
  std::string text;
  write_index(images, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace airlock::bundle
